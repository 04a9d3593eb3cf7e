import type { NodeId } from '../../shared/base/brand';
import { QuarrelError } from '../../shared/base/errors';
import type { Graph } from '../../shared/graph/graph';
import { isComputing, layersOf, tensorOf } from '../../shared/graph/graph';
import { carriedNodes, nodesOfLayers, nodesUpTo } from '../../shared/graph/part';
import { splitStepKey } from '../../shared/trace/steps';
import type { CapturedStep, CaptureSession } from './capture-session';

/**
 * Picks the nodes of a graph that run, after the graphs `before` of the same run; none where the run ends before it.
 * Throws QuarrelError where nothing fits.
 */
export type SelectNodes = (graph: Graph, before: readonly Graph[]) => ReadonlySet<NodeId>;

export interface SelectionRequest {
  /** Key of the last node that runs: in every graph that has it, or as `step<k>/KEY` in that of step k, the last. */
  readonly stopAfter?: string;
  readonly layers?: { readonly from: number; readonly to: number };
}

/** What a selection picks at a step of a session. */
export function selectedNodes(
  select: SelectNodes,
  session: Pick<CaptureSession, 'steps'>,
  { graph, index }: CapturedStep,
): ReadonlySet<NodeId> {
  return select(
    graph,
    session.steps.slice(0, index).map((step) => step.graph),
  );
}

/**
 * What `--stop-after` and `--layers` pick together; undefined where neither is given: everything runs.
 * @param steps decode steps that are planned
 */
export function nodeSelection({ stopAfter, layers }: SelectionRequest, steps: number): SelectNodes | undefined {
  if (stopAfter === undefined && layers === undefined) return undefined;
  const last = splitStepKey(stopAfter ?? '').step;
  if (last > steps) throw new QuarrelError(`--stop-after ${stopAfter}: the run has ${steps} decode steps (--steps)`);
  return (graph, before) => {
    const upTo = stopAfter === undefined ? undefined : upToStop(graph, before, stopAfter, steps);
    if (upTo?.size === 0) return upTo;
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

function upToStop(graph: Graph, before: readonly Graph[], stopAfter: string, steps: number): ReadonlySet<NodeId> {
  const { step, key } = splitStepKey(stopAfter);
  if (step > 0 && before.length !== step) return new Set(before.length < step ? graph.order : []);
  const nodes = nodesUpTo(graph, key);
  if (nodes) return nodes;
  // Encoder and decoder are graphs of their own: the node may be in either.
  const encoders = before.filter((g) => carriedNodes(g).length > 0);
  if (encoders.some((g) => nodesUpTo(g, key))) return new Set();
  if (carriedNodes(graph).length > 0 && steps > 0) return new Set(graph.order);
  throw noSuchNode([...encoders, graph], key);
}

function noSuchNode(graphs: readonly Graph[], key: string): QuarrelError {
  const stem = key.split(/[-#]/, 1)[0] ?? '';
  const near = graphs.flatMap((graph) =>
    graph.order
      .map((id) => tensorOf(graph, id))
      .filter((t) => isComputing(graph, t) && t.key.startsWith(stem))
      .map((t) => t.key),
  );
  const some = [...new Set(near)].slice(0, 4).join(', ');
  const hint = some === '' ? '' : `; it has ${some} …`;
  return new QuarrelError(`the graph has no node ${JSON.stringify(key)} to stop after${hint}`);
}
