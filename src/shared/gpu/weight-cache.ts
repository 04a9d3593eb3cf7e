import { QuarrelError } from '../base/errors';
import type { JobControl } from '../base/progress';
import type { WeightTensor } from '../gguf/model-source';
import { rowBytes } from '../quant/registry';
import { LOAD_SLACK } from './buffer-pool';
import type { GpuSession } from './gpu-session';
import { BufferUsage } from './gpu-session';
import type { HeldWeight, WeightBudget } from './weight-budget';

/** Rows `rowFirst` … `rowFirst + rows - 1` of a weight (all dimensions but the first flattened), from byte 0 of `buffer`. */
export interface WeightPart {
  readonly buffer: GPUBuffer;
  readonly rowFirst: number;
  readonly rows: number;
  readonly byteFirst: number;
  readonly bytes: number;
}

interface Entry {
  readonly parts: readonly WeightPart[];
  readonly held: HeldWeight;
}

/** Most bytes of uploads on their way: until the device has copied a weight, it is in memory twice. */
const MOST_STAGED_BYTES = 128 << 20;
/** Bytes copied between two looks at the cancel button. */
const WINDOW_BYTES = 32 << 20;

/**
 * Weights on the device as the model file's own bytes, as many as the budget allows; those that the open batch uses stay
 * until it is submitted (`release`).
 */
export class WeightCache {
  private readonly entries = new Map<string, Entry>();
  private readonly inUse = new Set<string>();
  private stagedBytes = 0;

  constructor(
    private readonly session: GpuSession,
    private readonly budget: WeightBudget,
  ) {}

  /** Whether the weights that the open batch uses leave room for nothing: it should be submitted and run first. */
  get crowded(): boolean {
    const full = this.budget.exceeded || this.stagedBytes > MOST_STAGED_BYTES;
    return full && this.inUse.size > 0;
  }

  /** The weight's buffers, uploaded if need be; more than one where the device's limits ask for it. */
  acquire(weight: WeightTensor, control: JobControl): readonly WeightPart[] {
    const { name } = weight;
    const entry = this.entries.get(name) ?? this.upload(weight, control);
    this.entries.set(name, entry);
    this.inUse.add(name);
    this.budget.use(entry.held);
    return entry.parts;
  }

  /** Called after a submit: nothing is in use any more. */
  release(): void {
    this.inUse.clear();
    this.stagedBytes = 0;
    this.budget.shrink();
  }

  dispose(): void {
    for (const name of [...this.entries.keys()]) this.drop(name);
    this.inUse.clear();
  }

  private drop(name: string): void {
    const entry = this.entries.get(name);
    if (!entry) return;
    for (const part of entry.parts) part.buffer.destroy();
    this.entries.delete(name);
    this.budget.forget(entry.held);
  }

  private upload(weight: WeightTensor, control: JobControl): Entry {
    const stride = rowBytes(weight.type, weight.ne[0]);
    const limit = Math.min(this.session.limits.bindingBytes, this.session.limits.bufferBytes) - LOAD_SLACK;
    const most = Math.floor(limit / stride);
    if (most < 1) {
      throw new QuarrelError(
        `${weight.name}: one row has ${stride} bytes; this device binds at most ${limit + LOAD_SLACK} at once`,
      );
    }
    const rows = weight.byteLength / stride;
    const parts: WeightPart[] = [];
    for (let first = 0; first < rows; first += most) {
      const count = Math.min(most, rows - first);
      const buffer = this.uploadRange(weight, first * stride, count * stride, control);
      parts.push({ buffer, rowFirst: first, rows: count, byteFirst: first * stride, bytes: count * stride });
    }
    const bytes = parts.reduce((sum, part) => sum + part.buffer.size, 0);
    this.stagedBytes += bytes;
    const { name } = weight;
    return { parts, held: { bytes, inUse: () => this.inUse.has(name), drop: () => this.drop(name) } };
  }

  private uploadRange(weight: WeightTensor, offset: number, length: number, control: JobControl): GPUBuffer {
    const buffer = this.session.device.createBuffer({
      label: weight.name,
      size: Math.ceil((length + LOAD_SLACK) / 4) * 4,
      usage: BufferUsage.storage | BufferUsage.copySource,
      mappedAtCreation: true,
    });
    try {
      const mapped = new Uint8Array(buffer.getMappedRange());
      for (let done = 0; done < length; done += WINDOW_BYTES) {
        control.throwIfCancelled();
        const window = Math.min(WINDOW_BYTES, length - done);
        if (weight.readInto) weight.readInto(offset + done, window, mapped, done);
        else weight.copyInto(offset + done, window, mapped, done);
      }
    } catch (error) {
      buffer.destroy();
      throw error;
    }
    buffer.unmap();
    return buffer;
  }
}
