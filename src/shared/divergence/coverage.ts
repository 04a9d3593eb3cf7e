/** How much of a graph a verdict rests on, and whether that is enough to call a candidate clean. */
import type { NodeId } from '../base/brand';
import { COVERAGE } from '../compare/tolerance';
import type { Graph } from '../graph/graph';
import { isComputing, layersOf, tensorOf } from '../graph/graph';
import { stepKey } from '../trace/steps';
import type { NotMeasured } from '../trace/trace';
import type { Examination } from './examine';
import { NOT_IN_TRACE } from './examine';
import { coverageText } from './coverage-words';
import type { Coverage } from './verdict';

/** What was looked at in one graph. */
export interface LookedAt {
  /** 0 is the prompt's, k decode step k's. */
  readonly index: number;
  readonly graph: Graph;
  readonly examination: Pick<Examination, 'judged' | 'notMeasured'>;
  /** The nodes that were asked for; all of the graph when absent. */
  readonly part?: ReadonlySet<NodeId>;
}

export interface StepCoverage extends Coverage {
  readonly coveredNodes: ReadonlySet<NodeId>;
  /** Most nodes of a stretch that its end answers for. */
  readonly longest: number;
}

/**
 * A node is covered that was judged itself, or that lies in a stretch before a judged one which is short enough to be
 * answered for; of any length where a good share of the nodes was judged. Cache writes and views are no nodes: they are seen through what reads them.
 */
export function coverageOfStep({ graph, examination, part }: LookedAt): StepCoverage {
  const nodes = new Set(
    graph.order.filter((id) => isComputing(graph, tensorOf(graph, id)) && (part === undefined || part.has(id))),
  );
  const measured = examination.judged.filter(({ node }) => nodes.has(node.id));
  const showsMuch = measured.length >= COVERAGE.measured * nodes.size;
  const longest = showsMuch ? nodes.size : longestStretch(graph, nodes);
  const covered = new Set(
    measured.flatMap(({ node, stretch }) => [node.id, ...(stretch.length <= longest ? stretch.map((t) => t.id) : [])]),
  );
  const coveredNodes = new Set([...covered].filter((id) => nodes.has(id)));
  return { measured: measured.length, covered: coveredNodes.size, nodes: nodes.size, coveredNodes, longest };
}

export function coverageOf(steps: readonly LookedAt[]): Coverage {
  const all = steps.map(coverageOfStep);
  const sum = (of: (c: Coverage) => number): number => all.reduce((total, c) => total + of(c), 0);
  return { measured: sum((c) => c.measured), covered: sum((c) => c.covered), nodes: sum((c) => c.nodes) };
}

export function isCovered({ covered, nodes }: Coverage): boolean {
  return covered >= COVERAGE.share * nodes;
}

/** Why what was measured is too little to call the candidate clean; null where it is enough. Each graph must be covered. */
export function tooLittleCovered(steps: readonly LookedAt[]): string | null {
  for (const step of steps) {
    const coverage = coverageOfStep(step);
    if (isCovered(coverage)) continue;
    const where = steps.length === 1 ? '' : step.index === 0 ? ' of the prompt' : ` of decode step ${step.index}`;
    return `${coverageText(coverage)}${where}: too few to call it clean, right as far as they go`;
  }
  return null;
}

/** The nodes that were not measured, with a reason that does not promise more than their stretch can answer for. */
export function uncoveredSaid(step: LookedAt): readonly NotMeasured[] {
  const { coveredNodes, longest } = coverageOfStep(step);
  const ids = new Map(step.graph.order.map((id) => [tensorOf(step.graph, id).key, id]));
  return step.examination.notMeasured.map((entry) => {
    const id = ids.get(entry.node);
    const isSaid = entry.reason !== NOT_IN_TRACE || (id !== undefined && coveredNodes.has(id));
    const reason = isSaid
      ? entry.reason
      : `not in the trace, and no checkpoint within ${longest} nodes after it: nothing shows whether it is right`;
    const node = step.index === 0 ? entry.node : stepKey(step.index, entry.node);
    return { ...entry, node, reason };
  });
}

/** As long as a layer and what may lie between it and the next checkpoint; see COVERAGE. */
function longestStretch(graph: Graph, nodes: ReadonlySet<NodeId>): number {
  const sizes = new Map<number, number>();
  for (const [id, layer] of layersOf(graph)) {
    if (layer !== undefined && nodes.has(id)) sizes.set(layer, (sizes.get(layer) ?? 0) + 1);
  }
  const largest = Math.max(0, ...sizes.values());
  return largest === 0 ? COVERAGE.withoutLayers : Math.ceil(COVERAGE.layers * largest);
}
