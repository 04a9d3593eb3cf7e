/** Names of a dump that stand for no node, and why: what was dumped and not compared is said. */
import type { UnplacedName } from '../../shared/divergence/verdict';
import type { Graph } from '../../shared/graph/graph';
import type { AlignedTrace } from '../../shared/trace/alignment';
import type { NameMap } from '../../shared/trace/name-map';
import { targetOf } from '../../shared/trace/name-map';
import type { InferredNames } from './infer-names';

/** @param map the one that was given; absent where names were inferred, or are taken as ours */
export function unplacedNames(
  aligned: AlignedTrace,
  graph: Graph,
  map: NameMap | undefined,
  inferred: InferredNames | undefined,
): readonly UnplacedName[] {
  const placed = aligned.placedNames;
  // views and cache writes are in the graph, and no results of their own; leaves are its inputs
  const known = new Set(graph.tensors.flatMap((t) => [t.key, t.name]));
  const unread = [...aligned.unreadable].map(([name, dtype]) => ({ name, reason: notMeasured(dtype) }));
  const unplaced = aligned.foreignKeys
    .filter((name) => !placed.has(name) && !known.has(name) && !name.startsWith('leaf:'))
    .map((name) => ({ name, reason: reasonOf(name, map, inferred) }));
  return [...unread, ...unplaced];
}

/** Why a checkpoint of another type than docs/trace-format.md lists is not read. */
export function notMeasured(dtype: string): string {
  return `not measured: ${dtype}`;
}

function reasonOf(name: string, map: NameMap | undefined, inferred: InferredNames | undefined): string {
  if (inferred) return inferred.whyNot(name);
  if (!map) return 'no node of the graph is called so';
  const target = targetOf(name, map);
  return target ? `the map says ${target.node}, which is no node of the graph` : 'the map has no entry for it';
}
