import type { NodeId } from '../base/brand';
import type { Graph, GraphTensor } from './graph';
import { isAlias, isComputing, isStateWrite, memoryOwner, tensorOf } from './graph';

/**
 * For each computing node, the computing nodes whose results it reads: through views, in-place results and writes
 * of rows (KV cache, attention mask). Weights and inputs are not listed.
 */
export function computingProducers(graph: Graph): ReadonlyMap<NodeId, readonly NodeId[]> {
  const producers = new Map<NodeId, readonly NodeId[]>();
  /** Memory owner → computing nodes whose results it holds now. */
  const writers = new Map<NodeId, readonly NodeId[]>();
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (isComputing(graph, node)) {
      producers.set(id, sourcesOf(graph, node, writers));
      writers.set(memoryOwner(graph, node).id, [id]);
    } else if (!isAlias(node)) {
      const owner = memoryOwner(graph, node).id;
      const before = writers.get(owner) ?? [];
      writers.set(owner, [...new Set([...before, ...sourcesOf(graph, node, writers, owner)])]);
    }
  }
  return producers;
}

/**
 * For each node that reads a state (KV cache, recurrent state), the cache writes of this graph that it reads: they have
 * no checkpoint of their own, so an error of theirs first shows in their reader.
 */
export function stateWritesRead(graph: Graph): ReadonlyMap<NodeId, readonly NodeId[]> {
  const read = new Map<NodeId, readonly NodeId[]>();
  const writes = new Map<NodeId, readonly NodeId[]>();
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (isStateWrite(graph, node)) {
      const owner = memoryOwner(graph, node).id;
      writes.set(owner, [...(writes.get(owner) ?? []), id]);
    } else if (isComputing(graph, node)) {
      const owners = new Set(
        node.src.flatMap((src) => (src === undefined ? [] : memoryOwner(graph, tensorOf(graph, src)).id)),
      );
      const found = [...owners].flatMap((owner) => writes.get(owner) ?? []);
      if (found.length > 0) read.set(id, found);
    }
  }
  return read;
}

function sourcesOf(
  graph: Graph,
  node: GraphTensor,
  writers: ReadonlyMap<NodeId, readonly NodeId[]>,
  except?: NodeId,
): readonly NodeId[] {
  const found = new Set<NodeId>();
  for (const src of node.src) {
    if (src === undefined) continue;
    const owner = memoryOwner(graph, tensorOf(graph, src)).id;
    if (owner === except) continue;
    for (const writer of writers.get(owner) ?? []) found.add(writer);
  }
  return [...found];
}

/**
 * For each computing node, the computing nodes without a checkpoint that lie between it and the nearest checkpoints
 * before it, in graph order. Empty when every producer has one.
 */
export function stretches(
  graph: Graph,
  hasCheckpoint: (node: GraphTensor) => boolean,
): ReadonlyMap<NodeId, readonly NodeId[]> {
  const result = new Map<NodeId, readonly NodeId[]>();
  for (const [id, sources] of computingProducers(graph)) {
    const between = new Set<NodeId>();
    for (const source of sources) {
      if (hasCheckpoint(tensorOf(graph, source))) continue;
      for (const earlier of result.get(source) ?? []) between.add(earlier);
      between.add(source);
    }
    result.set(
      id,
      [...between].sort((a, b) => a - b),
    );
  }
  return result;
}
