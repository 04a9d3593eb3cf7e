/**
 * A mistake made at some of the nodes of a stretch, not at one alone and not at all: to the node where it explains most
 * others are added, as long as each explains more.
 */
import type { Attempt, AttemptAt, ProvedTrial } from './attempt';
import type { Trial } from './rank';

/** Mistakes that are looked at, those that explain most alone. */
const MOST_MISTAKES = 3;
/** A mistake that explains less at its best node is none of several. */
const LEAST_SHARE = 0.05;
/** A further node has to explain this much more. */
const GAIN = 0.01;

export interface JointRequest {
  /** What was tried at single nodes. */
  readonly alone: readonly ProvedTrial[];
  /** The same mistake at all nodes where it can be made. */
  readonly togetherOf: (trial: Trial) => Attempt | undefined;
  /** Undefined where it cannot be computed, and where no time is left. */
  readonly run: (trial: Trial, at: AttemptAt) => Promise<Trial | undefined>;
}

export async function jointTrials({ alone, togetherOf, run }: JointRequest): Promise<readonly ProvedTrial[]> {
  const found: ProvedTrial[] = [];
  for (const start of bestOfEachMistake(alone)) {
    const together = togetherOf(start.trial);
    if (!together || together.family) continue;
    let best: ProvedTrial = { ...start, attempt: together.label };
    for (const [node, variant] of together.at) {
      if (best.at.variants.has(node) || 'at' in variant) continue;
      const at = { ...best.at, variants: new Map([...best.at.variants, [node, variant]]) };
      const trial = await run(start.trial, at);
      if (trial && trial.share > best.trial.share + GAIN) best = { ...best, at, trial };
    }
    if (best.at.variants.size > 1) found.push(best);
  }
  return found;
}

function bestOfEachMistake(alone: readonly ProvedTrial[]): readonly ProvedTrial[] {
  const best = new Map<string, ProvedTrial>();
  for (const p of [...alone].sort((a, b) => b.trial.share - a.trial.share)) {
    const key = `${p.trial.hypothesis.id} ${p.trial.label}`;
    if (p.trial.share >= LEAST_SHARE && p.value === undefined && p.at.variants.size === 1 && !best.has(key)) {
      best.set(key, p);
    }
  }
  return [...best.values()].slice(0, MOST_MISTAKES);
}
