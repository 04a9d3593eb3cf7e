import { QuarrelError } from '../base/errors';
import { canTimePasses } from './timestamps';

/** The device went away (driver reset, unplugged, GPU process gone); the run can be repeated on a new one. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}

/** What the executor may use of a device. */
export interface GpuLimits {
  /** Largest range that one binding may cover, bytes. */
  readonly bindingBytes: number;
  /** Largest buffer, bytes. */
  readonly bufferBytes: number;
}

/** How long a failure waits to learn whether the device was lost. */
const LOSS_MS = 20;

/** WebGPU's constant for every device: workgroups per dimension of a dispatch. */
export const MAX_WORKGROUPS = 65535;
/** Byte offsets of bindings and of Params within their buffer are multiples of this on every device. */
export const OFFSET_ALIGNMENT = 256;

export { BufferUsage, MAP_READ, STAGE_COMPUTE } from './webgpu-flags';

/** One device with its losses and uncaptured errors gathered. Owned by whoever opened it. */
export class GpuSession {
  readonly limits: GpuLimits;
  /** Whether this device measures the time of compute passes. */
  readonly canTimePasses: boolean;
  private lostReason: string | undefined;
  private uncaptured: string | undefined;
  private ending = false;

  constructor(
    readonly device: GPUDevice,
    limits?: Partial<GpuLimits>,
  ) {
    this.limits = {
      bindingBytes: Math.min(limits?.bindingBytes ?? Infinity, device.limits.maxStorageBufferBindingSize),
      bufferBytes: Math.min(limits?.bufferBytes ?? Infinity, device.limits.maxBufferSize),
    };
    this.canTimePasses = canTimePasses(device);
    void device.lost.then((info) => {
      this.lostReason = info.message || info.reason || 'no reason given';
    });
    device.onuncapturederror = (event) => {
      this.uncaptured ??= event.error.message;
    };
  }

  /** Throws DeviceLostError once the device is lost, QuarrelError for an error that no scope caught. */
  check(): void {
    if (this.lostReason !== undefined) throw new DeviceLostError(this.lostReason);
    if (this.uncaptured === undefined) return;
    const message = this.uncaptured;
    this.uncaptured = undefined;
    throw new QuarrelError(`WebGPU: ${firstLine(message)}`, message);
  }

  /**
   * Waits for `promise`; when it fails because the device is lost, throws DeviceLostError instead. A loss shows in many
   * ways (refused maps, detached memory) before or after `lost` resolves, so a failure waits for it a moment.
   */
  async guard<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      await Promise.race([this.device.lost, new Promise<void>((done) => setTimeout(done, LOSS_MS))]);
      this.check();
      throw error;
    }
  }

  dispose(): void {
    if (this.ending) return;
    this.ending = true;
    this.device.destroy();
  }
}

/** The first line of a multi-line message of the WebGPU implementation. */
export function firstLine(message: string): string {
  return message.split('\n', 1)[0] as string;
}
