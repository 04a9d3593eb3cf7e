import type { Budget } from '../shared/base/budget';

/** Seconds from now on, for those who ask for them: what is found within depends on the machine. */
export class TimeBudget implements Budget {
  private readonly until: number;

  constructor(seconds: number) {
    this.until = performance.now() + seconds * 1000;
  }

  spend(): void {
    // the clock counts
  }

  get isSpent(): boolean {
    return performance.now() >= this.until;
  }
}
