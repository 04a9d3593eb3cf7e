/** Which bad nodes are worth two runs of what follows them, and how much of that there is time for. */
import type { NodeId } from '../base/brand';
import type { Graph } from '../graph/graph';
import { leadingTo, workOf } from './effect';
import type { JudgedNode } from './examine';
import { lastNode } from './assemble-verdict';

/** A bad node of a step that ends in logits. */
export interface BadAt {
  /** Place of its step among those judged. */
  readonly step: number;
  readonly graph: Graph;
  readonly judged: JudgedNode;
  /** Id of its proved cause; undefined while none is. */
  readonly cause: string | undefined;
}

/** One whose effect is followed: `path` from it to the logits. */
export interface EffectRun extends BadAt {
  readonly path: ReadonlySet<NodeId>;
}

/** Most multiply-adds of all runs together. */
export interface EffectLimits {
  /** For the first node, the largest, and one of each other cause. */
  readonly telling: number;
  /** What the nodes that share a cause with one before may add, all together. */
  readonly repeated: number;
}

/**
 * Two cores do about half a billion multiply-adds a second: 40 seconds, and two. A model of a billion weights on a
 * short prompt passes, one of seven billion from its middle on; for more, the user asks.
 */
export const EFFECT_LIMITS: EffectLimits = { telling: 2e10, repeated: 1e9 };
export const NO_EFFECT_LIMITS: EffectLimits = { telling: Infinity, repeated: Infinity };

/** The nodes to follow, most telling first, as far as the limits reach. Nodes that lead to no answer are left out. */
export function planEffects(bad: readonly BadAt[], limits: EffectLimits): readonly EffectRun[] {
  const right = new Map<number, ReadonlySet<NodeId>>();
  const spent = { telling: 0, repeated: 0 };
  const chosen: EffectRun[] = [];
  for (const { at, kind } of byInterest(bad)) {
    const end = lastNode(at.graph);
    const path = end && leadingTo(at.graph, at.judged.node, end);
    if (!path || path.size === 0) continue;
    const before = right.get(at.step) ?? new Set<NodeId>();
    const work = workOfRun(at, path, before);
    if (spent[kind] + work > limits[kind]) continue;
    spent[kind] += work;
    right.set(at.step, new Set([...before, ...path]));
    chosen.push({ ...at, path });
  }
  return chosen;
}

/** The node's own stretch once, the rest of the run with its error, and what the right run has not followed yet. */
function workOfRun({ graph, judged }: BadAt, path: ReadonlySet<NodeId>, right: ReadonlySet<NodeId>): number {
  const stretch = [...judged.stretch, judged.node].map((t) => t.id);
  const isLast = (id: NodeId): boolean => id === judged.node.id;
  return (
    workOf(graph, stretch) +
    workOf(
      graph,
      [...path].filter((id) => !isLast(id)),
    ) +
    workOf(
      graph,
      [...path].filter((id) => !right.has(id)),
    )
  );
}

type Kind = keyof EffectLimits;

/** The first, the largest by its local error, one of each other cause (or of none), the others. */
function byInterest(bad: readonly BadAt[]): readonly { readonly at: BadAt; readonly kind: Kind }[] {
  const [first] = bad;
  if (!first) return [];
  const largest = bad.reduce((most, b) => (sizeOf(b) > sizeOf(most) ? b : most));
  const causes = new Set<string | undefined>([first.cause, largest.cause]);
  const telling = new Set([first, largest]);
  for (const b of bad) {
    if (b.cause !== undefined && causes.has(b.cause)) continue;
    causes.add(b.cause);
    telling.add(b);
  }
  const repeated = bad.filter((b) => !telling.has(b));
  return [
    ...[...telling].map((at) => ({ at, kind: 'telling' as const })),
    ...repeated.map((at) => ({ at, kind: 'repeated' as const })),
  ];
}

function sizeOf({ judged: { judgement } }: BadAt): number {
  return judgement.nonFinite || Number.isNaN(judgement.localNmse) ? Infinity : judgement.localNmse;
}
