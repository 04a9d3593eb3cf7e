import type { NodeId } from '../../shared/base/brand';
import { QuarrelError } from '../../shared/base/errors';
import type { Graph } from '../../shared/graph/graph';
import { isComputing, tensorOf } from '../../shared/graph/graph';
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
    if (!upTo || !inLayers) return upTo ?? inLayers ?? new Set(graph.order);
    return new Set([...inLayers].filter((id) => upTo.has(id)));
  };
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
