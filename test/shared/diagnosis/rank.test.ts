import { describe, expect, it } from 'vitest';
import type { Generality, Hypothesis } from '../../../src/shared/diagnosis/hypothesis';
import { isProved, ranked } from '../../../src/shared/diagnosis/rank';
import type { Trial } from '../../../src/shared/diagnosis/rank';

const FLOOR = 1e-8;

function trial(id: string, generality: Generality, share: number, residualNmse: number, nodes = ['a']): Trial {
  const hypothesis = { id, generality } as Hypothesis;
  return { hypothesis, label: id, parameters: {}, nodes, arithmetic: 'exact', estimated: false, share, residualNmse };
}

const order = (...trials: readonly Trial[]): string[] => ranked(trials, FLOOR).map((t) => t.label);

describe('ranking', () => {
  it('puts the one that explains most first', () => {
    expect(order(trial('half', 1, 0.5, 1e-3), trial('most', 2, 0.95, 1e-4))).toEqual(['most', 'half']);
  });

  it('prefers the more particular one where both leave only noise', () => {
    const factor = trial('factor', 3, 0.9999999, 1e-10);
    const scale = trial('scale', 1, 0.999999, 0.9e-8);
    expect(order(factor, scale)).toEqual(['scale', 'factor']);
  });

  it('does not prefer it where it leaves more than noise', () => {
    expect(order(trial('scale', 1, 0.995, 5e-5), trial('base', 2, 0.999999, 1e-8))).toEqual(['base', 'scale']);
  });

  it('puts what only says where the result is wrong behind all others', () => {
    const place = trial('place', 4, 1, 0);
    const order4 = order(place, trial('slight', 3, 0.2, 1e-3), trial('most', 1, 0.6, 1e-4));
    expect(order4).toEqual(['most', 'slight', 'place']);
    expect(order(trial('rows', 4, 0.4, 1e-4), trial('columns', 4, 1, 0), trial('none', 2, -1, 1))).toEqual([
      'none',
      'columns',
      'rows',
    ]);
    expect(order(place)).toEqual(['place']);
  });

  it('prefers fewer changed nodes', () => {
    const both = trial('both', 1, 1, 0, ['a', 'b']);
    expect(order(both, trial('one', 1, 1, 0))).toEqual(['one', 'both']);
  });
});

describe('what counts as proved', () => {
  const proved = (share: number, residualNmse: number): boolean =>
    isProved({ share, residualNmse, estimated: false }, FLOOR);

  it('is a share of 90 %', () => {
    expect(proved(0.9, 1)).toBe(true);
    expect(proved(0.89, 1)).toBe(false);
  });

  it('is 99 % where a parameter was fitted', () => {
    expect(isProved({ share: 0.98, residualNmse: 1, estimated: true }, FLOOR)).toBe(false);
    expect(isProved({ share: 0.991, residualNmse: 1, estimated: true }, FLOOR)).toBe(true);
  });

  it('is less of an error that is hardly above the noise, if only noise is left', () => {
    expect(proved(0.7, 4 * FLOOR)).toBe(true);
    expect(proved(0.7, 6 * FLOOR)).toBe(false);
    expect(proved(0.5, FLOOR)).toBe(false);
  });
});
