import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { WeightTensor } from '../gguf/model-source';
import type { GraphTensor } from '../graph/graph';
import { outlivesGraph } from '../graph/graph';
import { expiringOwners } from '../ops/lifetimes';
import { dimsText, spanBytes } from '../ops/tensor-shape';
import type { GpuRunRequest } from './run-request';
import type { Batch } from './batch';
import type { BufferPool } from './buffer-pool';
import { checkpointBytes } from './checkpoint-bytes';
import type { GpuStates } from './gpu-states';
import type { WeightCache, WeightPart } from './weight-cache';

/** What holds a tensor's memory: one buffer from byte 0, or a weight's parts. */
export type Memory =
  | { readonly kind: 'buffer'; readonly buffer: GPUBuffer }
  | { readonly kind: 'weight'; readonly parts: readonly WeightPart[] };

/**
 * One buffer per tensor that owns memory; views share it. Inputs are filled from the captured trace, weights from the
 * model file, all on first use; after the last use of an owner in the graph its buffer is free for others, so memory
 * stays flat. States and carried values belong to the sequence of runs.
 */
export class TensorMemory {
  private readonly buffers = new Map<NodeId, GPUBuffer>();
  private readonly expiring: readonly (readonly NodeId[])[];

  constructor(
    private readonly request: Pick<GpuRunRequest, 'graph' | 'weights' | 'captured' | 'control'>,
    private readonly pool: BufferPool,
    private readonly weights: WeightCache,
    private readonly states: GpuStates,
  ) {
    this.expiring = expiringOwners(request.graph);
  }

  /** The memory of `owner`, made and filled through `batch` where it does not exist yet. */
  of(owner: GraphTensor, batch: Batch): Memory {
    const known = this.buffers.get(owner.id);
    if (known) return { kind: 'buffer', buffer: known };
    if (owner.role === 'weight') return { kind: 'weight', parts: this.weightParts(owner) };
    if (outlivesGraph(owner) || this.isCarriedHere(owner)) {
      return { kind: 'buffer', buffer: this.states.buffer(owner, batch) };
    }
    const bytes = spanBytes(owner);
    const buffer = this.pool.take(bytes, owner.key);
    this.buffers.set(owner.id, buffer);
    if (owner.role === 'input') batch.upload(checkpointBytes(this.request.captured, owner), buffer, 0);
    return { kind: 'buffer', buffer };
  }

  /** Contents of an input or a weight as the CPU knows them: `bytes` bytes from byte `offset` of its memory. */
  contents(owner: GraphTensor, offset: number, bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.isCarriedHere(owner)) return undefined;
    if (owner.role === 'input')
      return Uint8Array.from(checkpointBytes(this.request.captured, owner).subarray(offset, offset + bytes));
    if (owner.role !== 'weight') return undefined;
    const data = new Uint8Array(bytes);
    this.weightOf(owner).copyInto(offset, bytes, data, 0);
    return data;
  }

  /** Frees what the node at this index of graph.order used last. */
  releaseAfter(index: number): void {
    for (const id of this.expiring[index] ?? []) {
      const buffer = this.buffers.get(id);
      if (!buffer) continue;
      this.buffers.delete(id);
      this.pool.giveBack(buffer);
    }
  }

  /** Whether an earlier graph of the sequence computed this input. */
  private isCarriedHere(owner: GraphTensor): boolean {
    return owner.role === 'input' && owner.carried !== undefined && this.states.has(owner);
  }

  private weightParts(owner: GraphTensor): readonly WeightPart[] {
    return this.weights.acquire(this.weightOf(owner), this.request.control);
  }

  private weightOf(owner: GraphTensor): WeightTensor {
    const { weights } = this.request;
    const weight = weights.tensor(owner.name);
    if (!weight) throw new QuarrelError(`${weights.label}: the graph's weight ${owner.name} is not in the file`);
    if (weight.type !== owner.type || weight.ne.some((extent, d) => extent !== owner.ne[d])) {
      throw new QuarrelError(
        `${weights.label}: ${owner.name} is ${weight.type} ${dimsText(weight.ne)}, the graph expects ${owner.type} ${dimsText(owner.ne)}`,
      );
    }
    return weight;
  }
}
