import { QuarrelError } from '../base/errors';
import type { GraphTensor } from '../graph/graph';
import { stateName } from '../graph/graph';
import { dimsText, spanBytes } from '../ops/tensor-shape';
import type { Batch } from './batch';
import { LOAD_SLACK, STORAGE } from './buffer-pool';
import type { GpuSession } from './gpu-session';

/**
 * What outlives one graph of a sequence on a device: KV cache, recurrent state and carried values by name. Each is
 * filled with zeros on first use. The owner disposes it.
 */
export class GpuStates {
  private readonly buffers = new Map<string, GPUBuffer>();
  /** States that a node which cannot run here should have written. */
  readonly unknown = new Set<string>();

  constructor(private readonly session: GpuSession) {}

  has(state: GraphTensor): boolean {
    return this.buffers.has(stateName(state));
  }

  /** Throws QuarrelError where a later graph wants more of a state than the first. */
  buffer(state: GraphTensor, batch: Batch): GPUBuffer {
    const bytes = spanBytes(state);
    const name = stateName(state);
    const known = this.buffers.get(name);
    if (known) {
      if (known.size >= bytes) return known;
      throw new QuarrelError(
        `state ${name} has ${known.size} bytes; this step's ${state.type} ${dimsText(state.ne)} needs ${bytes}`,
      );
    }
    const size = Math.ceil((bytes + LOAD_SLACK) / 4) * 4;
    const { bufferBytes } = this.session.limits;
    if (size > bufferBytes) {
      throw new QuarrelError(`${name} needs ${size} bytes; this device's largest buffer has ${bufferBytes}`);
    }
    const buffer = this.session.device.createBuffer({ label: name, size, usage: STORAGE });
    this.buffers.set(name, buffer);
    batch.clear(buffer);
    return buffer;
  }

  dispose(): void {
    for (const buffer of this.buffers.values()) buffer.destroy();
    this.buffers.clear();
  }
}
