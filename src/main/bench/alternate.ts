import { setImmediate as nextTurn } from 'node:timers/promises';
import { assert } from '../../shared/base/assert';

/** One of the things that are timed against each other. */
export interface Contender<Name extends string> {
  readonly name: Name;
  /** How often `run` does the work that is compared. */
  readonly passes: number;
  readonly run: () => void | Promise<void>;
}

/** Seconds of one pass in each round, by contender; element i of each list is of the same round. */
export type RoundTimes<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/**
 * Times contenders in alternation, so that whatever else the machine does falls on all alike. Each round starts with
 * another one. The first round of all only warms up: code gets compiled, pages get mapped.
 */
export async function alternate<Name extends string>(
  contenders: readonly Contender<Name>[],
  rounds: number,
  betweenRounds: () => void,
): Promise<RoundTimes<Name>> {
  const times = Object.fromEntries(contenders.map(({ name }) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    await nextTurn(); // lets a cancellation through
    betweenRounds();
    for (let i = 0; i < contenders.length; i++) {
      const { name, passes, run } = contenders[(round + 1 + i) % contenders.length] as Contender<Name>;
      const start = performance.now();
      await run();
      if (round >= 0) times[name].push((performance.now() - start) / 1000 / passes);
    }
  }
  return times;
}

export function median(values: readonly number[]): number {
  assert(values.length > 0, 'median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Median over the rounds of how many times faster `a` was than `b`: both were timed under the same conditions. */
export function speedRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((seconds, round) => (b[round] as number) / seconds));
}
