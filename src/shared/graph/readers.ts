import type { NodeId } from '../base/brand';
import type { Graph, GraphTensor } from './graph';
import { isAlias, memoryOwner, tensorOf } from './graph';

const known = new WeakMap<Graph, ReadonlyMap<NodeId, readonly GraphTensor[]>>();

/** The nodes that read the memory of `node`, also through views; views themselves are left out. */
export function readersOf(graph: Graph, node: GraphTensor): readonly GraphTensor[] {
  let readers = known.get(graph);
  if (!readers) known.set(graph, (readers = allReaders(graph)));
  return readers.get(memoryOwner(graph, node).id) ?? [];
}

function allReaders(graph: Graph): ReadonlyMap<NodeId, readonly GraphTensor[]> {
  const readers = new Map<NodeId, GraphTensor[]>();
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (isAlias(node)) continue;
    const owners = new Set(
      node.src.flatMap((src) => (src === undefined ? [] : memoryOwner(graph, tensorOf(graph, src)).id)),
    );
    for (const owner of owners) {
      const list = readers.get(owner);
      if (list) list.push(node);
      else readers.set(owner, [node]);
    }
  }
  return readers;
}
