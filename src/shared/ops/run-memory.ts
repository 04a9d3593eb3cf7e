/** The memory of a run: leaves shared by all arithmetics, computed tensors and state per arithmetic. */
import { assert } from '../base/assert';
import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { WeightSource, WeightTensor } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { memoryOwner } from '../graph/graph';
import type { Arithmetic } from './arithmetic';
import type { BoundSource } from './compute-node';
import { memorySource } from './compute-node';
import type { Allocate } from './memory';
import { Memory } from './memory';
import type { DecoderFor } from './operand';
import { MemoryTensor, referenceDecoder, WeightRows } from './operand';
import { dimsText, hasDenseRows, sameExtents, spanBytes } from './tensor-shape';

/** Weights up to this size are read whole instead of row by row: norms, biases, rope factors. */
const SMALL_WEIGHT_BYTES = 1 << 20;

/** Checkpoints by key; a trace is one. */
export interface Checkpoints {
  /** Where they lie, for messages. */
  readonly label: string;
  readonly entries: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  /** Widened to f32. */
  readF32(key: string): Float32Array;
  /** As stored. */
  readRaw(key: string): Uint8Array;
}

/** Tensors that one arithmetic has computed. */
export interface Track {
  readonly arithmetic: Arithmetic;
  readonly memories: Map<NodeId, Memory>;
}

export class RunMemory {
  private readonly inputs = new Map<NodeId, Memory>();

  constructor(
    private readonly graph: Graph,
    private readonly weights: WeightSource,
    private readonly captured: Checkpoints,
    private readonly allocate: Allocate,
    private readonly decoderFor: DecoderFor = referenceDecoder,
  ) {}

  /** The data of `t` as `track` sees them; undefined where an unmeasured node left them unknown. */
  source(track: Track, t: GraphTensor): BoundSource | undefined {
    const owner = memoryOwner(this.graph, t);
    if (owner.role === 'weight') return this.weightSource(t, owner);
    const memory = this.memoryOf(track, owner);
    return memory && memorySource(this.tensorIn(memory, t));
  }

  /** Where `t`, a node that is about to be computed, is written. */
  target(track: Track, t: GraphTensor, inPlace: boolean): MemoryTensor {
    const owner = memoryOwner(this.graph, t);
    if (owner.id === t.id) {
      const memory = Memory.zeros(spanBytes(t), this.allocate);
      track.memories.set(t.id, memory);
      return this.tensorIn(memory, t);
    }
    const memory = this.memoryOf(track, owner);
    if (!memory) throw new QuarrelError(`the graph writes ${t.key} into ${owner.key}, which does not exist yet`);
    if (!inPlace) return this.tensorIn(memory, t);
    // A result that overwrites a source gets a copy: the source may be another arithmetic's too, and is still shown.
    const copy = memory.clone(this.allocate);
    track.memories.set(owner.id, copy);
    return this.tensorIn(copy, t);
  }

  /** Forgets a tensor's memory. */
  release(tracks: readonly Track[], owner: NodeId): void {
    this.inputs.delete(owner);
    for (const track of tracks) track.memories.delete(owner);
  }

  private memoryOf(track: Track, owner: GraphTensor): Memory | undefined {
    // an input that a node has written into, or that an earlier graph computed, is the track's own
    const memory = track.memories.get(owner.id);
    if (!memory && owner.role === 'input') return this.inputMemory(owner);
    if (memory || owner.role !== 'state') return memory;
    const zeros = Memory.zeros(spanBytes(owner), this.allocate);
    track.memories.set(owner.id, zeros);
    return zeros;
  }

  private inputMemory(leaf: GraphTensor): Memory {
    const known = this.inputs.get(leaf.id);
    if (known) return known;
    if (!this.captured.entries.has(leaf.key)) {
      throw new QuarrelError(`${this.captured.label}: the graph's input ${leaf.key} is missing`);
    }
    const bytes = this.captured.readRaw(leaf.key);
    const expected = spanBytes(leaf);
    if (bytes.length !== expected) {
      throw new QuarrelError(
        `${this.captured.label}: input ${leaf.key} has ${bytes.length} bytes; ${leaf.type} ${dimsText(leaf.ne)} has ${expected}`,
      );
    }
    const memory = Memory.of(bytes, this.allocate);
    this.inputs.set(leaf.id, memory);
    return memory;
  }

  private weightSource(t: GraphTensor, owner: GraphTensor): BoundSource {
    const tensor = this.weightOf(owner);
    // rows of floats in memory are read without a decoder: a counterfactual's would not be asked
    const small = tensor.byteLength <= SMALL_WEIGHT_BYTES && this.decoderFor === referenceDecoder;
    if (!small && hasDenseRows(t)) {
      const rows = new WeightRows(tensor, t.viewOffs, t.type, t.ne, t.nb, this.decoderFor);
      return { rows, isWeight: true, place: { kind: 'weight', tensor }, offset: t.viewOffs };
    }
    const memory = Memory.zeros(tensor.byteLength, this.allocate);
    tensor.copyInto(0, tensor.byteLength, memory.u8, 0);
    return memorySource(this.tensorIn(memory, t), true);
  }

  private weightOf(leaf: GraphTensor): WeightTensor {
    const tensor = this.weights.tensor(leaf.name);
    if (!tensor) throw new QuarrelError(`${this.weights.label} has no tensor ${leaf.name}, which the graph reads`);
    if (tensor.type !== leaf.type || !sameExtents(tensor.ne, leaf.ne)) {
      throw new QuarrelError(
        `${leaf.name} is ${tensor.type} ${dimsText(tensor.ne)} in ${this.weights.label}, ` +
          `but ${leaf.type} ${dimsText(leaf.ne)} in the graph: another model?`,
      );
    }
    return tensor;
  }

  private tensorIn(memory: Memory, t: GraphTensor): MemoryTensor {
    assert(t.viewOffs >= 0, `${t.key} starts before its memory`);
    if (t.viewOffs + spanBytes(t) > memory.u8.length) {
      throw new QuarrelError(`the graph's ${t.key} reaches past the ${memory.u8.length} bytes of the tensor it views`);
    }
    return new MemoryTensor(memory, t.viewOffs, t.type, t.ne, t.nb, this.decoderFor);
  }
}
