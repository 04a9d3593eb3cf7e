/** The part of a graph that a repro runs again, and what it reads. */
import type { ReplayRequest } from '../../shared/diagnosis/replay';
import type { Graph, GraphTensor } from '../../shared/graph/graph';
import { memoryOwner, tensorOf } from '../../shared/graph/graph';
import type { GraphPart } from '../../shared/graph/part';
import { planPart } from '../../shared/graph/part';

export interface ReproPart extends GraphPart {
  /** Nodes that run, in order; the bad one is the last. */
  readonly nodes: readonly GraphTensor[];
  readonly givenNodes: readonly GraphTensor[];
  /** Leaves that it reads, by role. */
  readonly inputs: readonly GraphTensor[];
  readonly states: readonly GraphTensor[];
  readonly weights: readonly GraphTensor[];
}

/** The judged node and its stretch, with the cache writes that they read. */
export function partOf({ graph, judged }: Pick<ReplayRequest, 'graph' | 'judged'>): ReproPart {
  const plan = planPart(graph, new Set([...judged.stretch.map((t) => t.id), judged.node.id]));
  const inOrder = (ids: ReadonlySet<number>): readonly GraphTensor[] =>
    graph.order.filter((id) => ids.has(id)).map((id) => tensorOf(graph, id));
  const nodes = inOrder(plan.runs);
  const givenNodes = inOrder(plan.given);
  const touched = new Set(nodes.flatMap((t) => memoriesOf(graph, t)));
  for (const t of givenNodes) touched.add(memoryOwner(graph, t));
  const leaves = (role: GraphTensor['role']): readonly GraphTensor[] => [...touched].filter((t) => t.role === role);
  return { ...plan, nodes, givenNodes, inputs: leaves('input'), states: leaves('state'), weights: leaves('weight') };
}

/** The tensors whose memory a node reads or writes. */
function memoriesOf(graph: Graph, t: GraphTensor): readonly GraphTensor[] {
  const sources = t.src.flatMap((id) => (id === undefined ? [] : [memoryOwner(graph, tensorOf(graph, id))]));
  return [...sources, memoryOwner(graph, t)];
}
