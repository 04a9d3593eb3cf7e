/**
 * Names that ggml gives to nodes without one: `node_48` is the 48th node of its graph. Another graph of the same model
 * (fused attention, another version) numbers its nodes otherwise, so such a name says little by itself.
 */
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, tensorOf } from '../graph/graph';

const NUMBERED = /^node_\d+/;

export function isNumbered(name: string): boolean {
  return NUMBERED.test(name);
}

/**
 * For each numbered node of a dump's own graph, the node of `graph` that computes the same: the same op with the same
 * parameters on sources that are the same by name, or again by what they compute. Those without one are left out.
 * @returns by the dump's key
 */
export function sameNumbered(dumped: Graph, graph: Graph): ReadonlyMap<string, string> {
  const ours = bySignature(graph);
  const same = new Map<string, string>();
  for (const [signature, theirs] of bySignature(dumped)) {
    const found = ours.get(signature) ?? [];
    // of several that compute the same, each is the one at its place, if there are as many
    if (found.length === theirs.length) theirs.forEach((node, i) => same.set(node.key, (found[i] as GraphTensor).key));
  }
  return same;
}

function bySignature(graph: Graph): ReadonlyMap<string, readonly GraphTensor[]> {
  const known = new Map<number, string>();
  const found = new Map<string, GraphTensor[]>();
  for (const id of graph.order) {
    const t = tensorOf(graph, id);
    if (!isComputing(graph, t) || !isNumbered(t.name)) continue;
    const signature = signatureOf(graph, t, known);
    found.set(signature, [...(found.get(signature) ?? []), t]);
  }
  return found;
}

function signatureOf(graph: Graph, t: GraphTensor, known: Map<number, string>): string {
  if (t.role !== 'node' || (t.name !== '' && !isNumbered(t.name))) return `${t.name}:${t.kind}`;
  const before = known.get(t.id);
  if (before !== undefined) return before;
  const sources = t.src.map((id) => (id === undefined ? '' : signatureOf(graph, tensorOf(graph, id), known)));
  const signature = `${t.kind}[${t.ne.join()}](${t.opParams.join()})<${sources.join('; ')}>`;
  known.set(t.id, signature);
  return signature;
}
