import { describe, expect, it } from 'vitest';

import type { StepPlan } from '../../../src/main/jobs/step-plan';
import { NO_STEPS, stepPlan, tokenOfStep } from '../../../src/main/jobs/step-plan';
import { QuarrelError } from '../../../src/shared/base/errors';

describe('stepPlan', () => {
  it.each([
    [undefined, undefined, { count: 0 }],
    [3, undefined, { count: 3 }],
    [undefined, [7, 8], { count: 2, tokens: [7, 8] }],
    [2, [7, 8], { count: 2, tokens: [7, 8] }],
    [1, [7, 8], { count: 1, tokens: [7, 8] }],
  ])('of %j steps and tokens %j', (count, tokens, plan) => {
    expect(stepPlan(count, tokens)).toEqual(plan);
  });

  it('refuses more steps than tokens', () => {
    expect(() => stepPlan(3, [7, 8])).toThrow(QuarrelError);
    expect(() => stepPlan(3, [7, 8])).toThrow('3 steps, but 2 step tokens: give one per step');
  });
});

/** The tokens of the steps after a prompt whose greedy choices are 100, 101 … up to `known`. */
function walk(plan: StepPlan, known = Infinity): number[] {
  const tokens: number[] = [];
  for (let index = 1; index < 20; index++) {
    const token = tokenOfStep(plan, index, index <= known ? 99 + index : undefined);
    if (token === undefined) break;
    tokens.push(token);
  }
  return tokens;
}

describe('tokenOfStep', () => {
  it('goes along the greedy choice for as many steps as planned', () => {
    expect(walk(NO_STEPS)).toEqual([]);
    expect(walk(stepPlan(3, undefined))).toEqual([100, 101, 102]);
  });

  it('goes along the tokens given, whatever the greedy choice is', () => {
    expect(walk(stepPlan(undefined, [7, 0, 9]))).toEqual([7, 0, 9]);
    expect(walk(stepPlan(2, [7, 0, 9]))).toEqual([7, 0]);
    expect(walk(stepPlan(undefined, [7, 0, 9]), 0)).toEqual([7, 0, 9]);
  });

  it('ends where the leading lane has no choice', () => {
    expect(walk(stepPlan(5, undefined), 2)).toEqual([100, 101]);
  });
});
