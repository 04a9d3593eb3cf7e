import { QuarrelError } from '../base/errors';
import type { GpuSession } from './gpu-session';
import { BufferUsage } from './gpu-session';

/** Bytes past a tensor's end that an unaligned word or a four-element load of its last element may touch. */
export const LOAD_SLACK = 16;

/** What tensors that are computed need of their buffers. */
export const STORAGE = BufferUsage.storage | BufferUsage.copySource | BufferUsage.copyTarget;
/** Smaller buffers are all of this size, so that most of them can be reused for one another. */
const LEAST_BYTES = 4096;

/**
 * Storage buffers of intermediate results. A returned buffer is handed out again at once: the device runs commands in
 * order, so whoever used it before has finished by then. Its old content stays.
 */
export class BufferPool {
  private readonly free = new Map<number, GPUBuffer[]>();
  private readonly all: GPUBuffer[] = [];

  constructor(private readonly session: GpuSession) {}

  /**
   * A storage buffer of at least `bytes` + LOAD_SLACK bytes.
   * @param what named in the error when the device has no buffer as large
   */
  take(bytes: number, what: string): GPUBuffer {
    const size = sizeClass(bytes + LOAD_SLACK, this.session.limits.bufferBytes);
    if (size > this.session.limits.bufferBytes) {
      throw new QuarrelError(
        `${what} needs ${bytes} bytes; this device's largest buffer has ${this.session.limits.bufferBytes}`,
      );
    }
    const reused = this.free.get(size)?.pop();
    if (reused) return reused;
    const buffer = this.session.device.createBuffer({ label: `pool ${size}`, size, usage: STORAGE });
    this.all.push(buffer);
    return buffer;
  }

  giveBack(buffer: GPUBuffer): void {
    const list = this.free.get(buffer.size);
    if (list) list.push(buffer);
    else this.free.set(buffer.size, [buffer]);
  }

  dispose(): void {
    for (const buffer of this.all) buffer.destroy();
    this.all.length = 0;
    this.free.clear();
  }
}

/** Rounds up to steps of an eighth of the next power of two: little waste, few classes. */
function sizeClass(bytes: number, most: number): number {
  if (bytes <= LEAST_BYTES) return LEAST_BYTES;
  const step = 2 ** Math.max(8, Math.ceil(Math.log2(bytes)) - 3);
  const rounded = Math.ceil(bytes / step) * step;
  return rounded <= most ? rounded : Math.ceil(bytes / 4) * 4;
}
