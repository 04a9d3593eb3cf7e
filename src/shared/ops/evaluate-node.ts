/** One node of a graph on given inputs: what the wizard's counterfactuals and unit tests run. */
import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, memoryOwner, tensorOf } from '../graph/graph';
import type { Arithmetic } from './arithmetic';
import type { BoundSource } from './compute-node';
import { computeInline, jobOf, memorySource, planMatMul, roundResult } from './compute-node';
import { multiplyHere } from './mat-mul-engine';
import { allocateLocal, Memory } from './memory';
import type { DecoderFor } from './operand';
import { gatherF32, MemoryTensor, referenceDecoder, scatterF32 } from './operand';
import { OPS, whyNotMeasured } from './registry';
import { RunMemory } from './run-memory';
import { contiguousShape, isFloat, isIndex, spanBytes } from './tensor-shape';

export interface NodeInputs {
  /**
   * One entry per source of the node: all its elements in logical order, ne[0] fastest. They are stored in the source's
   * own type first (F32 for a quantized one). Undefined: absent, or a weight (read from `weights`).
   */
  readonly sources: readonly (Float32Array | undefined)[];
  readonly weights?: WeightSource;
  /** Another decoder for weights: a counterfactual. */
  readonly decoderFor?: DecoderFor;
}

/**
 * Computes `node` in this thread.
 * @param node of `graph`, or a copy of one with other opParams, kind or sources
 * @returns all elements in logical order, widened to f32
 * @throws QuarrelError "not measured: …" when the reference cannot compute it, or when inputs do not fit
 */
export function evaluateNode(
  graph: Graph,
  node: GraphTensor,
  inputs: NodeInputs,
  arithmetic: Arithmetic,
): Float32Array {
  const sources = node.src.map((id, i) =>
    id === undefined ? undefined : bindSource(graph, tensorOf(graph, id), inputs, i, node),
  );
  const { type, ne, nb } = contiguousShape(node.type, node.ne);
  const dst = new MemoryTensor(Memory.zeros(spanBytes({ type, ne, nb })), 0, type, ne, nb);
  const { kind, opParams } = node;
  const reason = whyNotMeasured({ kind, opParams, dst, src: sources.map((s) => s?.rows) });
  if (reason !== undefined) throw new QuarrelError(reason);
  const bound = { kind, opParams, sources, dst };
  const op = OPS[kind];
  assert(op.how === 'inline' || op.how === 'mat-mul', `${node.key} (${kind}) computes nothing`);
  if (op.how === 'inline') {
    computeInline(bound, arithmetic);
  } else {
    const plan = planMatMul(bound, arithmetic, allocateLocal);
    multiplyHere(jobOf([plan]), plan.a.place, inputs.decoderFor);
    roundResult(dst, arithmetic);
  }
  return gatherF32(dst);
}

function bindSource(graph: Graph, t: GraphTensor, inputs: NodeInputs, i: number, node: GraphTensor): BoundSource {
  const values = inputs.sources[i];
  if (!values) return weightOf(graph, t, inputs, node);
  if (values.length !== elementCount(t.ne)) {
    throw new QuarrelError(
      `${node.key}: source ${t.key} is given ${values.length} values, it has ${elementCount(t.ne)}`,
    );
  }
  const stored = isFloat(t.type) || isIndex(t.type) ? t.type : 'F32';
  const { type, ne, nb } = contiguousShape(stored, t.ne);
  const tensor = new MemoryTensor(Memory.zeros(spanBytes({ type, ne, nb })), 0, type, ne, nb);
  scatterF32(tensor, values);
  return memorySource(tensor, memoryOwner(graph, t).role === 'weight');
}

const NO_TRACK = { arithmetic: 'exact', memories: new Map() } as const;
const NO_CHECKPOINTS = {
  label: 'the given inputs',
  entries: new Map<string, never>(),
  readF32: (): never => assertUnread(),
  readRaw: (): never => assertUnread(),
};

function assertUnread(): never {
  throw new TypeError('no checkpoints to read');
}

function weightOf(graph: Graph, t: GraphTensor, inputs: NodeInputs, node: GraphTensor): BoundSource {
  const { weights, decoderFor } = inputs;
  if (memoryOwner(graph, t).role !== 'weight' || !weights) {
    throw new QuarrelError(`${node.key}: no values are given for its source ${t.key}`);
  }
  const memory = new RunMemory(graph, weights, NO_CHECKPOINTS, allocateLocal, decoderFor ?? referenceDecoder);
  const source = memory.source(NO_TRACK, t);
  assert(source, `the weight ${t.key} has no data`);
  return source;
}
