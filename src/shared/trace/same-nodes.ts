/**
 * Which nodes of two graphs of one model are the same. Backends order nodes as they like, fused attention leaves some out
 * and keeps others as another op, and each graph numbers what has no name; so equal keys alone say little.
 */
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, tensorOf } from '../graph/graph';
import { isNumbered } from './numbered-names';

/**
 * For each node of a dump's own graph, the node of `graph` that it is:
 * 1. of the same name, computed by the same op with the same parameters from sources that are the same by name, or again
 *    by what they compute; a name that is only a number does not count;
 * 2. else of the same name and op;
 * 3. else of the same name, where each graph has one of it;
 * 4. a node whose value the dump's graph only reshapes into a tensor of that name: fused attention ends in `kqv_out` so.
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
  for (const [name, source] of reshaped(dumped)) {
    const own = ours.filter((t) => t.name === name);
    const [only] = own;
    if (own.length === 1 && only && !taken.has(only.key) && !same.has(source.key)) pair(source.key, only.key);
  }
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

/** By the name of a reshaped tensor, the node whose value it is, where there is one tensor of that name. */
function reshaped(graph: Graph): ReadonlyMap<string, GraphTensor> {
  const found = new Map<string, GraphTensor | undefined>();
  for (const id of graph.order) {
    const t = tensorOf(graph, id);
    const [source] = t.src;
    if (t.op !== 'RESHAPE' || source === undefined || isUnnamed(t)) continue;
    const node = tensorOf(graph, source);
    const isOnly = !found.has(t.name) && isComputing(graph, node) && isUnnamed(node);
    found.set(t.name, isOnly ? node : undefined);
  }
  return new Map([...found].flatMap(([name, node]) => (node ? [[name, node]] : [])));
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
