import { Command } from 'commander';
import { describe, expect, it } from 'vitest';

import { checksOf, withChecks } from '../../../src/main/cli/check-options';
import type { CheckOptions } from '../../../src/main/cli/check-options';
import { searchBudgets } from '../../../src/main/jobs/search-budgets';
import { UNLIMITED, within, WorkBudget } from '../../../src/shared/base/budget';

const parsed = (...args: string[]): CheckOptions =>
  withChecks(new Command().exitOverride().configureOutput({ writeErr: () => undefined }))
    .parse(args, { from: 'user' })
    .opts<CheckOptions>();

describe('budgets', () => {
  it('are counted in work unless seconds are asked for', () => {
    const { first, others, other } = searchBudgets(undefined).causes();
    first.spend(1e9);
    expect(first.isSpent).toBe(false);
    first.spend(1e12);
    expect(first.isSpent).toBe(true);
    const all = others();
    const one = other(all);
    one.spend(10e9);
    expect([one.isSpent, all.isSpent, other(all).isSpent]).toEqual([true, false, false]);
    one.spend(10e9);
    expect([all.isSpent, other(all).isSpent]).toEqual([true, true]);
  });

  it('never end with none, and end by the clock with seconds', () => {
    const none = searchBudgets('none').causes();
    none.first.spend(1e30);
    expect([none.first.isSpent, none.other(none.others()).isSpent]).toEqual([false, false]);
    const short = searchBudgets(1e-9);
    const budgets = [short.scan(), short.hashes(), short.causes().first];
    expect(budgets.every((b) => b.isSpent)).toBe(true);
    expect(searchBudgets(1000).causes().first.isSpent).toBe(false);
  });

  it('lie within each other', () => {
    const [outer, own] = [new WorkBudget(10), new WorkBudget(3)];
    const both = within(outer, own);
    both.spend(3);
    expect([both.isSpent, outer.isSpent]).toEqual([true, false]);
    expect(within(outer, UNLIMITED).isSpent).toBe(false);
    outer.spend(7);
    expect(within(outer, UNLIMITED).isSpent).toBe(true);
  });

  it('are asked for as --budget', () => {
    expect(checksOf(parsed('--budget', '30')).budget).toBe(30);
    expect(checksOf(parsed('--budget', 'none')).budget).toBe('none');
    expect(checksOf(parsed()).budget).toBeUndefined();
    for (const wrong of ['0', '-1', 'soon', '']) expect(() => parsed('--budget', wrong), wrong).toThrow();
  });
});
