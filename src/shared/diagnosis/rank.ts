/** Which hypotheses reproduce a candidate's wrong numbers, and which of them is the cause. */
import { CAUSE } from '../compare/tolerance';
import type { Arithmetic } from '../ops/arithmetic';
import type { Explained } from './explained';
import type { Hypothesis, Parameters } from './hypothesis';

/** A hypothesis with all its parameters, replayed. */
export interface Trial extends Explained {
  readonly hypothesis: Hypothesis;
  readonly label: string;
  readonly parameters: Parameters;
  /** Keys of the nodes where the mistake was made. */
  readonly nodes: readonly string[];
  /** The arithmetic in which it comes nearest. */
  readonly arithmetic: Arithmetic;
  /** Whether a parameter was estimated from the wrong numbers. */
  readonly estimated: boolean;
}

/**
 * Whether what a trial leaves unexplained is small enough to call it the cause.
 * @param isNearFloor whether an error of a few floors may leave most of its own size; false where the error looks like noise
 */
export function isProved(trial: Explained & Pick<Trial, 'estimated'>, noiseFloor: number, isNearFloor = true): boolean {
  if (trial.share >= (trial.estimated ? CAUSE.estimatedShare : CAUSE.share)) return true;
  return isNearFloor && trial.share >= CAUSE.shareNearFloor && trial.residualNmse <= CAUSE.residualFloors * noiseFloor;
}

/**
 * Best first, those that only say where the result is wrong behind all others. Those that leave as little as the best one does, rounding apart, are sorted by how much they say, then by
 * how few nodes they change.
 */
export function ranked(trials: readonly Trial[], noiseFloor: number): readonly Trial[] {
  const isPlace = (t: Trial): boolean => t.hypothesis.generality === 4;
  return [
    ...bestFirst(
      trials.filter((t) => !isPlace(t)),
      noiseFloor,
    ),
    ...bestFirst(trials.filter(isPlace), noiseFloor),
  ];
}

function bestFirst(trials: readonly Trial[], noiseFloor: number): readonly Trial[] {
  const byShare = [...trials].sort((a, b) => b.share - a.share || a.residualNmse - b.residualNmse);
  const [best] = byShare;
  if (!best) return [];
  const left = (t: Trial): number => Math.max(t.residualNmse, noiseFloor);
  const isAsGood = (t: Trial): boolean =>
    t.share >= best.share - CAUSE.tie && left(t) <= CAUSE.tieResidual * left(best);
  const asGood = byShare
    .filter(isAsGood)
    .sort((a, b) => a.hypothesis.generality - b.hypothesis.generality || a.nodes.length - b.nodes.length);
  return [...asGood, ...byShare.filter((t) => !isAsGood(t))];
}
