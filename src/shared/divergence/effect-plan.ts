/** Which errors are worth a run of what follows them, and how much of that there is time for. */
import type { NodeId } from '../base/brand';
import type { Graph } from '../graph/graph';
import { lastNode } from './assemble-verdict';
import { bugsAmong } from './bugs';
import type { BugSign } from './bugs';
import { leadingTo, workOf } from './effect';
import type { JudgedNode } from './examine';

/** A bad node of a step that ends in logits. */
export interface BadAt {
  /** Place of its step among those judged. */
  readonly step: number;
  readonly graph: Graph;
  readonly judged: JudgedNode;
  readonly cause: BugSign['cause'];
}

/** A run with the errors of some nodes of one step. */
export interface EffectRun {
  readonly step: number;
  readonly graph: Graph;
  /** In graph order; one, or all of one bug. */
  readonly nodes: readonly JudgedNode[];
  /** The nodes, and what leads from them to the logits. */
  readonly path: ReadonlySet<NodeId>;
}

/** Most multiply-adds of all runs together. */
export interface EffectLimits {
  /** For the first node of each bug, the largest node, and each bug as a whole. */
  readonly telling: number;
  /** What other nodes may add, all together. */
  readonly repeated: number;
}

/**
 * Two cores do about half a billion multiply-adds a second: 40 seconds, and two. A model of a billion weights on a
 * short prompt passes, one of seven billion from its middle on; for more, the user asks.
 */
export const EFFECT_LIMITS: EffectLimits = { telling: 2e10, repeated: 1e9 };
export const NO_EFFECT_LIMITS: EffectLimits = { telling: Infinity, repeated: Infinity };

/**
 * The runs, most telling first, as far as the limits reach: the first node, the largest, its bug and each other bug with
 * its first node, then all others. Nodes that lead to no answer are left out.
 */
export function planEffects(bad: readonly BadAt[], limits: EffectLimits): readonly EffectRun[] {
  const leading = bad.flatMap((at) => {
    const end = lastNode(at.graph);
    const path = end && leadingTo(at.graph, at.judged.node, end);
    return path && path.size > 0 ? [{ ...at, path }] : [];
  });
  const right = new Map<number, ReadonlySet<NodeId>>();
  const spent = { telling: 0, repeated: 0 };
  return byInterest(leading).flatMap(({ run, kind }) => {
    const before = right.get(run.step) ?? new Set<NodeId>();
    const work = workOfRun(run, before);
    if (spent[kind] + work > limits[kind]) return [];
    spent[kind] += work;
    right.set(run.step, new Set([...before, ...run.path]));
    return [run];
  });
}

/** The nodes' own stretches, the run with their errors, and what the right run has not followed yet. */
function workOfRun({ graph, nodes, path }: EffectRun, right: ReadonlySet<NodeId>): number {
  const own = nodes.flatMap(({ stretch, node }) => [...stretch, node].map((t) => t.id));
  const open = [...path].filter((id) => !right.has(id));
  return workOf(graph, own) + workOf(graph, path) + workOf(graph, open);
}

type Leading = BadAt & { readonly path: ReadonlySet<NodeId> };
type Kind = keyof EffectLimits;

function byInterest(bad: readonly Leading[]): readonly { readonly run: EffectRun; readonly kind: Kind }[] {
  const [first] = bad;
  if (!first) return [];
  const largest = bad.reduce((most, b) => (sizeOf(b) > sizeOf(most) ? b : most));
  const bugs = bugsAmong(bad, signOf);
  const firsts = new Set([first, largest, ...bugs.flatMap(([b]) => b ?? [])]);
  const wholes = bugs.flatMap((bug) => {
    const together = bug.filter((b) => b.step === bug[0]?.step);
    return together.length > 1 ? [runOf(together)] : [];
  });
  const telling = [...[...firsts].map((b) => runOf([b])), ...wholes];
  const others = bad.filter((b) => !firsts.has(b)).map((b) => runOf([b]));
  return [
    ...telling.map((run) => ({ run, kind: 'telling' as const })),
    ...others.map((run) => ({ run, kind: 'repeated' as const })),
  ];
}

function runOf(together: readonly Leading[]): EffectRun {
  const { step, graph } = together[0] as Leading;
  return { step, graph, nodes: together.map((b) => b.judged), path: new Set(together.flatMap((b) => [...b.path])) };
}

function signOf({ judged: { node }, cause }: BadAt): BugSign {
  return { op: node.kind, node: node.key, cause };
}

function sizeOf({ judged: { judgement } }: BadAt): number {
  return judgement.nonFinite || Number.isNaN(judgement.localNmse) ? Infinity : judgement.localNmse;
}
