import type { NodeId } from '../../shared/base/brand';
import { QuarrelError } from '../../shared/base/errors';
import type { Graph } from '../../shared/graph/graph';
import { isComputing, layersOf, tensorOf } from '../../shared/graph/graph';
import { nodesOfLayers, nodesUpTo } from '../../shared/graph/part';

/** Picks the nodes of a graph that run. */
export type SelectNodes = (graph: Graph) => ReadonlySet<NodeId>;

export interface SelectionRequest {
  /** Key of the last node that runs. */
  readonly stopAfter?: string;
  readonly layers?: { readonly from: number; readonly to: number };
}

/** What `--stop-after` and `--layers` pick together; undefined where neither is given: everything runs. */
export function nodeSelection({ stopAfter, layers }: SelectionRequest): SelectNodes | undefined {
  if (stopAfter === undefined && layers === undefined) return undefined;
  return (graph) => {
    const upTo = stopAfter === undefined ? undefined : upToNode(graph, stopAfter);
    const inLayers = layers && nodesOfLayers(graph, layers.from, layers.to);
    if (layers && inLayers?.size === 0) throw new QuarrelError(noSuchLayers(graph, layers));
    if (!upTo || !inLayers) return upTo ?? inLayers ?? new Set(graph.order);
    const both = new Set([...inLayers].filter((id) => upTo.has(id)));
    if (both.size > 0) return both;
    throw new QuarrelError(`nothing of layers ${layers.from}..${layers.to} runs up to ${stopAfter}`);
  };
}

function noSuchLayers(graph: Graph, { from, to }: NonNullable<SelectionRequest['layers']>): string {
  const numbers = [...layersOf(graph).values()].flatMap((layer) => layer ?? []);
  const there =
    numbers.length === 0 ? 'the graph has none' : `the graph has ${Math.min(...numbers)}..${Math.max(...numbers)}`;
  return `layers ${from}..${to}: ${there}`;
}

function upToNode(graph: Graph, key: string): ReadonlySet<NodeId> {
  const nodes = nodesUpTo(graph, key);
  if (nodes) return nodes;
  const near = graph.order
    .map((id) => tensorOf(graph, id))
    .filter((t) => isComputing(graph, t) && t.key.startsWith(key.split(/[-#]/, 1)[0] ?? ''))
    .slice(0, 4)
    .map((t) => t.key);
  const hint = near.length > 0 ? `; it has ${near.join(', ')} …` : '';
  throw new QuarrelError(`the graph has no node ${JSON.stringify(key)} to stop after${hint}`);
}
