/** How much the wizard looks at beyond the nodes themselves. */
import type { Budget } from '../../shared/base/budget';
import { UNLIMITED, within, WorkBudget } from '../../shared/base/budget';
import type { AskedBudget } from '../../shared/ipc/jobs';
import { TimeBudget } from '../time-budget';

/** Budgets of one run of the wizard; each is made, and begins, when its part does. */
export interface SearchBudgets {
  /** For the look at all scales and plain values, which no user asked for. */
  scan(): Budget;
  /** For hashes, which the dump asks for. */
  hashes(): Budget;
  causes(): CauseBudgets;
}

export interface CauseBudgets {
  /** For all nodes that round: whether a mistake of that size hides among them. */
  rounded(): Budget;
  /** For the first bad node, which is what the user came for. */
  readonly first: Budget;
  /** For all others together, once the first is done: most have the first one's cause. */
  others(): Budget;
  /** For one of the others. */
  other(others: Budget): Budget;
}

/**
 * Work, unless seconds are asked for: the same input then gets the same answer on every machine. In bytes and in
 * multiply-adds of replays; two cores without a GPU read 1 GB and multiply 0.7e9 a second, so these are 2, 20, 10, 60, 30 and
 * 10 seconds there.
 */
const WORK = { scan: 2 ** 31, hashes: 20e9, rounded: 7e9, first: 40e9, others: 20e9, other: 7e9 };
/** Of the seconds asked for: most go to the first bad node, as in WORK. */
const SHARE = { rounded: 1 / 9, first: 2 / 3, other: 1 / 9 };

/** @param asked seconds for the looks at the weights and, apart, for the causes; the default is counted in work */
export function searchBudgets(asked: AskedBudget | undefined): SearchBudgets {
  if (asked === 'none') {
    const all = (): Budget => UNLIMITED;
    return { scan: all, hashes: all, causes: () => ({ rounded: all, first: UNLIMITED, others: all, other: all }) };
  }
  if (asked === undefined) {
    return {
      scan: () => new WorkBudget(WORK.scan),
      hashes: () => new WorkBudget(WORK.hashes),
      causes: () => ({
        rounded: () => new WorkBudget(WORK.rounded),
        first: new WorkBudget(WORK.first),
        others: () => new WorkBudget(WORK.others),
        other: (others) => within(others, new WorkBudget(WORK.other)),
      }),
    };
  }
  return {
    scan: () => new TimeBudget(asked),
    hashes: () => new TimeBudget(asked),
    causes: () => {
      const all = new TimeBudget(asked);
      return {
        rounded: () => within(all, new TimeBudget(asked * SHARE.rounded)),
        first: new TimeBudget(asked * SHARE.first),
        others: () => all,
        other: (others) => within(others, new TimeBudget(asked * SHARE.other)),
      };
    },
  };
}
