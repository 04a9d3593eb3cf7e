import type { Random } from '../../src/shared/base/random';
import { seededRandom } from '../../src/shared/base/random';

/** Choices that a seed decides. */
export class Chance {
  private readonly random: Random;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed);
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.random.uniform() * end);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  of<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to choose from');
    return items[this.below(items.length)] as T;
  }

  /** Small numbers often, large ones now and then. */
  times(most: number): number {
    return 1 + Math.floor(this.random.uniform() ** 3 * most);
  }
}
