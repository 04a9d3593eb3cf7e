/**
 * Which nodes of two graphs of one model are the same. Backends order nodes as they like, fused attention leaves some out
 * and keeps others as another op, and each graph numbers what has no name; so equal keys alone say little.
 */
import type { NodeId } from '../base/brand';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, isComputing, tensorOf } from '../graph/graph';
import { isNumbered } from './numbered-names';

/**
 * For each node of a dump's own graph, the node of `graph` that it is:
 * 1. of the same name, computed by the same op with the same parameters from sources that are the same by name, or again
 *    by what they compute; a name that is only a number does not count;
 * 2. else of the same name and op;
 * 3. else of the same name, where each graph has one of it;
 * 4. else what a node that is the same reads at the same place.
 * Of several that are the same, each is the one at its place, if there are as many; others are left out.
 * @returns by the dump's key
 */
export function sameNodes(dumped: Graph, graph: Graph): ReadonlyMap<string, string> {
  const same = new Map<string, string>();
  const taken = new Set<string>();
  const theirs = computingOf(dumped);
  const ours = computingOf(graph);
  const pair = (key: string, own: string): void => {
    same.set(key, own);
    taken.add(own);
  };
  const match = (labels: readonly [Labeller, Labeller]): void => {
    const left = group(
      ours.filter((t) => !taken.has(t.key)),
      labels[1],
    );
    const found = group(
      theirs.filter((t) => !same.has(t.key)),
      labels[0],
    );
    for (const [label, nodes] of found) {
      const own = left.get(label) ?? [];
      if (own.length === nodes.length) nodes.forEach((t, i) => pair(t.key, (own[i] as GraphTensor).key));
    }
  };
  const both = (label: Labeller): readonly [Labeller, Labeller] => [label, label];
  match([signatures(dumped), signatures(graph)]);
  match(both((t) => named(t, `${t.name}:${t.kind}`)));
  match([onlyOnes(theirs), onlyOnes(ours)]);
  pairSources(dumped, graph, same, pair);
  return same;
}

/** What nodes are grouped by; undefined for one that this way of matching says nothing of. */
type Labeller = (t: GraphTensor) => string | undefined;

const named = (t: GraphTensor, label: string): string | undefined => (isUnnamed(t) ? undefined : label);
const isUnnamed = ({ name }: GraphTensor): boolean => name === '' || isNumbered(name);

function computingOf(graph: Graph): readonly GraphTensor[] {
  return graph.order.map((id) => tensorOf(graph, id)).filter((t) => isComputing(graph, t));
}

function group(nodes: readonly GraphTensor[], labelOf: Labeller): ReadonlyMap<string, readonly GraphTensor[]> {
  const found = new Map<string, GraphTensor[]>();
  for (const node of nodes) {
    const label = labelOf(node);
    if (label !== undefined) found.set(label, [...(found.get(label) ?? []), node]);
  }
  return found;
}

function onlyOnes(nodes: readonly GraphTensor[]): Labeller {
  const counts = group(nodes, (t) => t.name);
  return (t) => named(t, counts.get(t.name)?.length === 1 ? t.name : `${t.name} of several`);
}

/**
 * Pairs what the same nodes read at the same places, from the end of the graph on. Only what reads `kqv_out` tells what it
 * is: fused attention is reshaped into it, and where the V cache is quantized it is rotated still.
 */
function pairSources(
  dumped: Graph,
  graph: Graph,
  same: ReadonlyMap<string, string>,
  pair: (key: string, own: string) => void,
): void {
  const theirs = new Map(computingOf(dumped).map((t) => [t.key, t]));
  const taken = new Map([...same].map(([key, own]) => [own, key]));
  for (const reader of computingOf(graph).toReversed()) {
    const other = theirs.get(taken.get(reader.key) ?? '');
    if (!other || !readsAlike(dumped, other, graph, reader)) continue;
    reader.src.forEach((id, i) => {
      const own = id === undefined ? undefined : unreshaped(graph, id);
      const at = other.src[i];
      const found = at === undefined ? undefined : unreshaped(dumped, at);
      if (!own || !found || taken.has(own.key) || same.has(found.key)) return;
      if (elementCount(own.ne) !== elementCount(found.ne)) return;
      pair(found.key, own.key);
      taken.set(own.key, found.key);
    });
  }
}

/** The same op with the same parameters and the same weights. */
function readsAlike(dumped: Graph, theirs: GraphTensor, graph: Graph, ours: GraphTensor): boolean {
  const weights = (from: Graph, t: GraphTensor): string =>
    t.src
      .map((id) => (id === undefined ? undefined : tensorOf(from, id)))
      .map((source) => (source?.role === 'weight' ? source.name : ''))
      .join();
  return (
    theirs.kind === ours.kind &&
    theirs.opParams.join() === ours.opParams.join() &&
    weights(dumped, theirs) === weights(graph, ours)
  );
}

/** The computing node whose elements a source has, in its order; undefined for another view, an input or a weight. */
function unreshaped(graph: Graph, id: NodeId): GraphTensor | undefined {
  let t = tensorOf(graph, id);
  while (t.op === 'RESHAPE' && t.src[0] !== undefined) t = tensorOf(graph, t.src[0]);
  return t.role === 'node' && isComputing(graph, t) ? t : undefined;
}

/** A node as what it computes: its name, if it has one, its op and the names of what it reads. */
function signatures(graph: Graph): Labeller {
  const known = new Map<number, string>();
  const occurrences = new Map<string, number>();
  for (const t of graph.tensors) occurrences.set(t.name, (occurrences.get(t.name) ?? 0) + 1);
  const computed = (t: GraphTensor): string => {
    const before = known.get(t.id);
    if (before !== undefined) return before;
    const sources = t.src.map((id) => (id === undefined ? '' : asSource(tensorOf(graph, id))));
    const signature = `${t.kind}[${t.ne.join()}](${t.opParams.join()})<${sources.join('; ')}>`;
    known.set(t.id, signature);
    return signature;
  };
  const asSource = (t: GraphTensor): string => {
    // the op tells those of one name apart; one alone may be another op in another graph
    if (!isUnnamed(t)) return occurrences.get(t.name) === 1 ? t.name : `${t.name}:${t.kind}`;
    return t.role === 'node' ? computed(t) : `${t.role} ${t.type}[${t.ne.join()}]`;
  };
  return (t) => `${isUnnamed(t) ? '' : t.name} ${computed(t)}`;
}
