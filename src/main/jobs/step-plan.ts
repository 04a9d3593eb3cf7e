import { QuarrelError } from '../../shared/base/errors';

/** Decode steps after the prompt. */
export interface StepPlan {
  readonly count: number;
  /** One token per step; chosen greedily where there is none. */
  readonly tokens?: readonly number[];
}

export const NO_STEPS: StepPlan = { count: 0 };

/**
 * The token of step `index` (the first after the prompt is 1); undefined where the steps end.
 * @param greedy the leading lane's first choice after the step before; undefined where it has none
 */
export function tokenOfStep(plan: StepPlan, index: number, greedy: number | undefined): number | undefined {
  if (index > plan.count) return undefined;
  return plan.tokens ? plan.tokens[index - 1] : greedy;
}

/** A plan from `--steps N` and `--step-tokens 1,2,3`; either alone is enough. */
export function stepPlan(count: number | undefined, tokens: readonly number[] | undefined): StepPlan {
  if (!tokens) return { count: count ?? 0 };
  if (count !== undefined && count > tokens.length) {
    throw new QuarrelError(`${count} steps, but ${tokens.length} step tokens: give one per step`);
  }
  return { count: count ?? tokens.length, tokens };
}
