import { describe, expect, it } from 'vitest';

import type { HeldWeight } from '../../../src/shared/gpu/weight-budget';
import { WeightBudget } from '../../../src/shared/gpu/weight-budget';

/** Ten bytes each; `kept` names those that are held, `busy` those in use. */
function heldIn(budget: WeightBudget): {
  readonly kept: Set<string>;
  readonly busy: Set<string>;
  use(name: string): void;
} {
  const kept = new Set<string>();
  const busy = new Set<string>();
  const weights = new Map<string, HeldWeight>();
  const make = (name: string): HeldWeight => {
    const weight: HeldWeight = {
      bytes: 10,
      inUse: () => busy.has(name),
      drop: () => {
        kept.delete(name);
        budget.forget(weight);
      },
    };
    return weight;
  };
  return {
    kept,
    busy,
    use: (name) => {
      const weight = weights.get(name) ?? make(name);
      weights.set(name, weight);
      kept.add(name);
      budget.use(weight);
    },
  };
}

describe('WeightBudget', () => {
  it('drops what was used longest ago, whichever lane holds it', () => {
    const budget = new WeightBudget(30);
    const [a, b] = [heldIn(budget), heldIn(budget)];
    a.use('1');
    b.use('1');
    a.use('2');
    a.use('1');
    b.use('2');
    expect([[...a.kept], [...b.kept]]).toEqual([['1', '2'], ['2']]);
    b.use('3');
    expect([[...a.kept], [...b.kept]]).toEqual([['1'], ['2', '3']]);
    expect(budget.exceeded).toBe(false);
  });

  it('keeps what is in use and makes up for it later', () => {
    const budget = new WeightBudget(10);
    const lane = heldIn(budget);
    lane.busy.add('1').add('2');
    lane.use('1');
    lane.use('2');
    expect(budget.exceeded).toBe(true);
    lane.busy.clear();
    budget.shrink();
    expect([...lane.kept]).toEqual(['2']);
    expect(budget.exceeded).toBe(false);
  });

  it('counts nothing twice, and nothing that is gone', () => {
    const budget = new WeightBudget(10);
    const lane = heldIn(budget);
    lane.use('1');
    lane.use('1');
    expect(budget.exceeded).toBe(false);
    lane.use('2');
    expect([...lane.kept]).toEqual(['2']);
    lane.use('1');
    expect([...lane.kept]).toEqual(['1']);
  });
});
