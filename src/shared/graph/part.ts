import type { NodeId } from '../base/brand';
import type { Graph } from './graph';
import { isAlias, isComputing, layersOf, memoryOwner, tensorOf } from './graph';

/** Some nodes of a graph, run without the others. */
export interface GraphPart {
  /** Nodes that run: the wanted ones, and writes into states (KV cache, recurrent state) that they read. */
  readonly runs: ReadonlySet<NodeId>;
  /** Computing nodes outside whose values those read: they are given, not computed. */
  readonly given: ReadonlySet<NodeId>;
}

/** What it takes to run `wanted` and nothing else of the graph. */
export function planPart(graph: Graph, wanted: ReadonlySet<NodeId>): GraphPart {
  const reads = readsOf(graph);
  const runs = new Set<NodeId>();
  const given = new Set<NodeId>();
  const give = (id: NodeId): void => {
    given.add(id);
    // A result that lies in another's memory needs that memory.
    const owner = memoryOwner(graph, tensorOf(graph, id));
    if (owner.id !== id && isComputing(graph, owner) && !runs.has(owner.id)) given.add(owner.id);
  };
  const pending = [...wanted];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (runs.has(id)) continue;
    runs.add(id);
    given.delete(id);
    for (const writer of reads.get(id) ?? []) {
      if (wanted.has(writer) || runs.has(writer)) continue;
      if (isComputing(graph, tensorOf(graph, writer))) give(writer);
      else pending.push(writer);
    }
  }
  return { runs, given };
}

/** The same for one graph of a run: a value that later graphs read is given where it is not computed. */
export function planPartOfRun(graph: Graph, wanted: ReadonlySet<NodeId>): GraphPart {
  const { runs, given } = planPart(graph, wanted);
  const left = carriedNodes(graph).filter((id) => !runs.has(id));
  return { runs, given: new Set([...given, ...left]) };
}

/** The nodes whose values later graphs of a run read as inputs. */
export function carriedNodes(graph: Graph): readonly NodeId[] {
  return graph.order.filter((id) => tensorOf(graph, id).carried !== undefined);
}

/** For each node that is no mere view, the nodes that wrote what it reads, also through views and states. */
function readsOf(graph: Graph): ReadonlyMap<NodeId, ReadonlySet<NodeId>> {
  const writers = new Map<NodeId, NodeId[]>();
  const reads = new Map<NodeId, ReadonlySet<NodeId>>();
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (isAlias(node)) continue;
    const found = new Set<NodeId>();
    for (const source of [...node.src, node.viewSrc]) {
      if (source === undefined) continue;
      for (const writer of writers.get(memoryOwner(graph, tensorOf(graph, source)).id) ?? []) found.add(writer);
    }
    reads.set(id, found);
    const owner = memoryOwner(graph, node).id;
    writers.set(owner, owner === id ? [id] : [...(writers.get(owner) ?? []), id]);
  }
  return reads;
}

/** Everything up to the node with this key, it included; undefined where the graph has none. */
export function nodesUpTo(graph: Graph, key: string): ReadonlySet<NodeId> | undefined {
  const at = graph.order.findIndex((id) => tensorOf(graph, id).key === key);
  return at < 0 ? undefined : new Set(graph.order.slice(0, at + 1));
}

/** The nodes of layers `from` to `to`, both included; nodes without a layer of their own belong to that they follow. */
export function nodesOfLayers(graph: Graph, from: number, to: number): ReadonlySet<NodeId> {
  const layers = layersOf(graph);
  return new Set(
    graph.order.filter((id) => {
      const layer = layers.get(id);
      return layer !== undefined && layer >= from && layer <= to;
    }),
  );
}
