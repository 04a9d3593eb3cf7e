/** A hypothesis at certain nodes, replayed there. */
import { defined } from '../base/assert';
import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { GraphTensor } from '../graph/graph';
import type { Arithmetic } from '../ops/arithmetic';
import { explainedShare } from './explained';
import type { Family, Hypothesis, Variant } from './hypothesis';
import { isFamily } from './hypothesis';
import type { Trial } from './rank';
import type { Prediction, Replayed } from './replay';

/** The variant at each node where the mistake is made, as it is replayed. */
export interface AttemptAt {
  readonly variants: ReadonlyMap<GraphTensor, Variant>;
  /** Whether a parameter of them is estimated from the wrong numbers. */
  readonly estimated: boolean;
}

/** A mistake that was replayed, and what it takes to replay it again. */
export interface ProvedTrial {
  readonly trial: Trial;
  readonly at: AttemptAt;
  /** Label of the attempt and, where a number was searched for, that number: with them it is found again. */
  readonly attempt: string;
  readonly value: number | undefined;
}

/** The same mistake at some nodes, its parameter perhaps still open. */
export interface Attempt {
  readonly hypothesis: Hypothesis;
  /** Unique among the attempts of its hypothesis. */
  readonly label: string;
  readonly at: ReadonlyMap<GraphTensor, Variant | Family>;
  /** The parameter that is searched for. */
  readonly family: Family | undefined;
  readonly needsAllRows: boolean;
}

/** Each way to make the mistake: at all nodes where it can be made alike, then at each alone. */
export function attemptsAt(hypothesis: Hypothesis, replay: Replayed, arithmetic: Arithmetic): readonly Attempt[] {
  const byLabel = new Map<string, Map<GraphTensor, Variant | Family>>();
  for (const node of replay.nodes) {
    const site = replay.site(node, arithmetic);
    if (!site) continue;
    for (const variant of hypothesis.variants(site)) {
      const at = byLabel.get(variant.label) ?? new Map<GraphTensor, Variant | Family>();
      byLabel.set(variant.label, at.set(node, variant));
    }
  }
  const together = [...byLabel].map(([label, at]) => attemptOf(hypothesis, label, at));
  const alone = together.flatMap(({ label, at }) =>
    at.size < 2
      ? []
      : [...at].map(([node, v]) => attemptOf(hypothesis, `${label} @ ${node.key}`, new Map([[node, v]]))),
  );
  return [...together, ...alone];
}

function attemptOf(hypothesis: Hypothesis, label: string, at: ReadonlyMap<GraphTensor, Variant | Family>): Attempt {
  const all = [...at.values()];
  const needsAllRows = all.some((v) => (isFamily(v) ? v.at(v.from) : v).needsAllRows === true);
  return { hypothesis, label, at, family: all.find(isFamily), needsAllRows };
}

/** The attempt with its open parameter set. */
export function valueOf({ at, label, family, hypothesis }: Attempt, value: number | undefined): AttemptAt {
  const variants = new Map(
    [...at].map(([node, v]) => [node, isFamily(v) ? v.at(defined(value, `the value of ${label}`)) : v] as const),
  );
  const isLikely = value !== undefined && family?.likely?.includes(value) === true;
  const isRead = [...variants.values()].some((v) => v.estimated === true);
  return { variants, estimated: hypothesis.generality > 1 || isRead || (family !== undefined && !isLikely) };
}

/** Replays a mistake. Undefined where it cannot be computed. */
export async function runTrial(
  hypothesis: Hypothesis,
  at: AttemptAt,
  replay: Replayed,
  arithmetic: Arithmetic,
  noiseFloor: number,
): Promise<Trial | undefined> {
  const changes = new Map<NodeId, Prediction>(
    [...at.variants].map(([node, variant]) => [node.id, (site) => variant.predict(site)]),
  );
  const { label, parameters } = defined([...at.variants.values()][0], 'a variant');
  try {
    const predicted = await replay.predict(changes, arithmetic);
    const explained = explainedShare(replay.right(arithmetic), replay.wrong, predicted, noiseFloor, replay.mask);
    const nodes = [...at.variants.keys()].map((node) => node.key);
    return { hypothesis, label, parameters, nodes, arithmetic, estimated: at.estimated, ...explained };
  } catch (error) {
    if (error instanceof QuarrelError) return undefined;
    throw error;
  }
}
