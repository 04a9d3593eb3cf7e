/** What a replay costs, for budgets that are counted in work and not in time. */
import { isMatMul } from '../graph/ggml-op';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, tensorOf } from '../graph/graph';

/** Multiply-adds that an element of a plain op stands for: exponentials, and reading and writing it. */
const PER_ELEMENT = 8;
/** Multiply-adds that decoding a weight stands for. */
const PER_WEIGHT = 2;
/** What a trial of the least node costs, in multiply-adds: objects, maps, the comparison of its results. */
const LEAST = 1e5;

/** About how many multiply-adds it takes to compute these nodes once. */
export function workOf(graph: Graph, nodes: readonly GraphTensor[]): number {
  return nodes.reduce((sum, node) => sum + ofNode(graph, node), LEAST);
}

function ofNode(graph: Graph, node: GraphTensor): number {
  const sources = node.src.flatMap((id) => (id === undefined ? [] : tensorOf(graph, id)));
  const results = elementCount(node.ne);
  const [a] = sources;
  if (a && isMatMul(node.kind)) {
    // of many experts only those that are used are decoded
    const planes = node.kind === 'MUL_MAT_ID' ? Math.min(a.ne[2], node.ne[1] * node.ne[2]) : a.ne[2] * a.ne[3];
    return results * a.ne[0] + PER_WEIGHT * a.ne[0] * a.ne[1] * planes;
  }
  const read = sources.filter((t) => t.role !== 'weight').map((t) => elementCount(t.ne));
  return PER_ELEMENT * Math.max(results, ...read);
}
