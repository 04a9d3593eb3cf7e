/**
 * What one node's own error does to the answer: a right run beside the same run with that error put in. No other error
 * is in either, so two independent bugs do not hide each other.
 */
import type { NodeId } from '../base/brand';
import { kullbackLeibler, topLogits } from '../compare/logits';
import { givesIndices, valuesAtIndices } from '../compare/index-results';
import { isMatMul } from '../graph/ggml-op';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, isAlias, memoryOwner, tensorOf } from '../graph/graph';
import type { Effect } from './verdict';

/** The node and what reads it, as far as that leads to `end`; empty where nothing does. */
export function leadingTo(graph: Graph, node: GraphTensor, end: GraphTensor): ReadonlySet<NodeId> {
  const reached = new Set<NodeId>([memoryOwner(graph, node).id]);
  const after: GraphTensor[] = [node];
  for (const id of graph.order.slice(graph.order.indexOf(node.id) + 1)) {
    const t = tensorOf(graph, id);
    if (isAlias(t) || !ownersRead(graph, t).some((owner) => reached.has(owner))) continue;
    after.push(t);
    reached.add(memoryOwner(graph, t).id);
  }
  const needed = new Set<NodeId>([memoryOwner(graph, end).id]);
  const path = new Set<NodeId>();
  for (const t of after.reverse()) {
    if (!needed.has(memoryOwner(graph, t).id)) continue;
    path.add(t.id);
    for (const owner of ownersRead(graph, t)) needed.add(owner);
  }
  return path.has(node.id) && path.has(end.id) ? path : new Set();
}

function ownersRead(graph: Graph, t: GraphTensor): readonly NodeId[] {
  return t.src.flatMap((id) => (id === undefined ? [] : memoryOwner(graph, tensorOf(graph, id)).id));
}

/** Multiply-adds of some nodes, as far as they cost time: mat-muls by their sums, all else by its elements. */
export function workOf(graph: Graph, nodes: Iterable<NodeId>): number {
  let work = 0;
  for (const id of nodes) {
    const t = tensorOf(graph, id);
    const [a] = t.src;
    work += elementCount(t.ne) * (isMatMul(t.kind) && a !== undefined ? tensorOf(graph, a).ne[0] : 1);
  }
  return work;
}

/** A bad node's results: all elements in the node's order. */
export interface OwnError {
  readonly node: GraphTensor;
  /** The candidate's, and the right one on the candidate's own inputs. */
  readonly wrong: Float32Array;
  readonly right: Float32Array;
  /** 1 where the candidate has a value of its own; all when absent. */
  readonly mask: Uint8Array | undefined;
  /** Source 0 as the candidate had it, for index ops: what their results point into. */
  readonly pointedAt: Float32Array | undefined;
}

/**
 * A right run's value of the node with the candidate's own error on top: what it inherited is no part of that. Where
 * the error is no finite number, the candidate's value itself stands.
 */
export function withOwnError(value: Float32Array, error: OwnError): Float32Array {
  if (givesIndices(error.node.kind)) return withOwnIndices(value, error);
  const { wrong, right, mask } = error;
  return value.map((v, i) => {
    const [w, r] = [wrong[i]!, right[i]!];
    if ((mask !== undefined && mask[i] === 0) || Object.is(w, r) || w === r) return v;
    const own = w - r;
    return Number.isFinite(own) ? v + own : w;
  });
}

/** An index is no quantity: rows that point at other values than is right are the candidate's. */
function withOwnIndices(value: Float32Array, { node, wrong, right, mask, pointedAt }: OwnError): Float32Array {
  if (!pointedAt) return value;
  const width = node.kind === 'ARGMAX' ? 1 : node.ne[0];
  const [got, asked] = [wrong, right].map((indices) => valuesAtIndices(node.kind, indices, pointedAt, width));
  const changed = value.slice();
  for (let at = 0; at < value.length; at += width) {
    const isOwn = mask === undefined || !mask.subarray(at, at + width).includes(0);
    const differs = got!.subarray(at, at + width).some((v, i) => !Object.is(v, asked![at + i]));
    if (isOwn && differs) changed.set(wrong.subarray(at, at + width), at);
  }
  return changed;
}

/** The answers without and with the error, not yet as text; undefined where the right run itself gives none. */
export function effectOf(right: Float32Array, wrong: Float32Array): Effect | undefined {
  const [best, other] = [right, wrong].map((row) => topLogits(row, 1)[0]);
  if (!best) return undefined;
  const kld = kullbackLeibler(right, wrong);
  return {
    kld: Number.isFinite(kld) ? kld : null,
    sameTop: other?.token === best.token,
    token: other ? { ...other, text: undefined } : null,
    right: { ...best, text: undefined },
  };
}

/** The tokens that effects speak of. */
export function tokensOf(effects: Iterable<Effect>): readonly number[] {
  return [...effects].flatMap(({ token, right }) => [right.token, ...(token ? [token.token] : [])]);
}

/** The same effect with the texts of its tokens. */
export function spoken(effect: Effect, textOf: (token: number) => string | undefined): Effect {
  const { token, right } = effect;
  return {
    ...effect,
    token: token && { ...token, text: textOf(token.token) },
    right: { ...right, text: textOf(right.token) },
  };
}
