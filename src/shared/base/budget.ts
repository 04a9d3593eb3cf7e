/**
 * How much a search may cost. What it is counted in is said by whoever starts the search: work, so that the same input
 * gives the same answer on every machine, or seconds where a user asks for them. The domain itself reads no clock.
 */
export interface Budget {
  /** Takes note of work that is about to begin: multiply-adds of replays, bytes of weights. */
  spend(work: number): void;
  /** Whether nothing more may begin. */
  readonly isSpent: boolean;
}

/** For searches that look at everything. */
export const UNLIMITED: Budget = { spend: () => undefined, isSpent: false };

/** Counted in work. A limit of 0 is spent before anything began. */
export class WorkBudget implements Budget {
  private spent = 0;

  constructor(private readonly limit: number) {}

  spend(work: number): void {
    this.spent += work;
  }

  get isSpent(): boolean {
    return this.spent >= this.limit;
  }
}

/** Spent as soon as one of the two is; what is spent counts in both. */
export function within(outer: Budget, own: Budget): Budget {
  return {
    spend: (work) => {
      outer.spend(work);
      own.spend(work);
    },
    get isSpent() {
      return outer.isSpent || own.isSpent;
    },
  };
}
