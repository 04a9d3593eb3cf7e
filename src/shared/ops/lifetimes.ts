import type { NodeId } from '../base/brand';
import type { Graph } from '../graph/graph';
import { memoryOwner, outlivesGraph, tensorOf } from '../graph/graph';

/**
 * For each step of `graph.order` the tensors whose memory nothing reads any more after it. States and carried
 * values are not listed: they live as long as the run.
 */
export function expiringOwners(graph: Graph): readonly (readonly NodeId[])[] {
  const lastUse = new Map<NodeId, number>();
  graph.order.forEach((id, step) => {
    const node = tensorOf(graph, id);
    for (const used of [id, ...node.src]) {
      if (used !== undefined) lastUse.set(memoryOwner(graph, tensorOf(graph, used)).id, step);
    }
  });
  const expiring: NodeId[][] = graph.order.map(() => []);
  for (const [owner, step] of lastUse) {
    if (!outlivesGraph(tensorOf(graph, owner))) expiring[step]?.push(owner);
  }
  return expiring;
}
