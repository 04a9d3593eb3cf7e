import { defined } from '../base/assert';
import type { WeightSource } from '../gguf/model-source';
import type { OpKind } from '../graph/ggml-op';
import type { Graph, GraphTensor } from '../graph/graph';
import { memoryOwner, tensorOf } from '../graph/graph';
import type { Arithmetic } from '../ops/arithmetic';
import { evaluateNode } from '../ops/evaluate-node';
import type { DecoderFor } from '../ops/operand';

/** One node with the inputs it had, in one arithmetic: where a hypothesis is tried. */
export interface Site {
  readonly graph: Graph;
  readonly node: GraphTensor;
  readonly weights: WeightSource;
  readonly arithmetic: Arithmetic;
  /** What the node gives when it is computed right: all elements, ne[0] fastest. */
  readonly right: Float32Array;
  /**
   * The candidate's result, where this node is the one that was judged; undefined inside a stretch, where nobody knows
   * it. Elements outside `mask` (1: the candidate's own) say nothing.
   */
  readonly wrong: Float32Array | undefined;
  readonly mask: Uint8Array | undefined;
  /** Source `index`, all elements in logical order; undefined for an absent one and for a weight (see weight-site.ts). */
  source(index: number): Float32Array | undefined;
  /**
   * For a source that is a view with gaps: all of the tensor that it lies in, what a mistaken stride would reach.
   * Undefined for others.
   */
  memory?(index: number): Float32Array | undefined;
  /** What the candidate has as result of an earlier node that computes; undefined where nobody knows. */
  earlier?(node: GraphTensor): Float32Array | undefined;
  /** For a node that writes into memory that exists (SET_ROWS into a cache): what was there before, all of it. */
  before(): Float32Array | undefined;
}

/** What a mistaken engine does differently at a node; the rest is as the graph says. */
export interface Change {
  readonly kind?: OpKind;
  /** ggml's 16 int32 op parameters, raw. */
  readonly opParams?: readonly number[];
  /** Other values for sources, by index; a weight given so is read as F32. */
  readonly sources?: ReadonlyMap<number, Float32Array>;
  /** Another decoder for quantized weights. */
  readonly decoderFor?: DecoderFor;
  /** Other weights under the same names: another tensor's bytes, say. */
  readonly weights?: WeightSource;
}

/**
 * The node's result with a change, computed by the reference op.
 * @throws QuarrelError "not measured: …" where the reference cannot compute it so
 */
export function evaluateChanged(site: Site, change: Change): Float32Array {
  const { graph, node } = site;
  const changed = { ...node, kind: change.kind ?? node.kind, opParams: change.opParams ?? node.opParams };
  const sources = node.src.map((_, i) => change.sources?.get(i) ?? site.source(i));
  const inputs = {
    sources,
    weights: change.weights ?? site.weights,
    ...(change.decoderFor ? { decoderFor: change.decoderFor } : {}),
  };
  return evaluateNode(graph, changed, inputs, site.arithmetic);
}

/** The tensor at source `index` of the site's node; undefined where there is none. */
export function sourceTensor(site: Site, index: number): GraphTensor | undefined {
  const id = site.node.src[index];
  return id === undefined ? undefined : tensorOf(site.graph, id);
}

/** The node that computed source `index`, behind reshapes and views; undefined for leaves. */
export function producerOf(site: Site, index: number): GraphTensor | undefined {
  const t = sourceTensor(site, index);
  const owner = t && memoryOwner(site.graph, t);
  return owner?.role === 'node' ? owner : undefined;
}

/** Whether source `index` lies in the model file, also through a view. */
export function isWeightSource(site: Site, index: number): boolean {
  const t = sourceTensor(site, index);
  return t !== undefined && memoryOwner(site.graph, t).role === 'weight';
}

/** Source `index`, which must be there and no weight. */
export function valuesOf(site: Site, index: number): Float32Array {
  return defined(site.source(index), `source ${index} of ${site.node.key}`);
}
