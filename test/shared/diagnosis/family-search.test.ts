import { describe, expect, it } from 'vitest';
import { bestValue } from '../../../src/shared/diagnosis/family-search';

describe('the search for one parameter', () => {
  const peak = (at: number) => (x: number) => Promise.resolve(1 - Math.log(x / at) ** 2);

  it('finds the value between grid points', async () => {
    const found = await bestValue({ from: 1e-9, to: 1e-1, spacing: 'log' }, peak(3.3e-5));
    expect(found?.value).toBeCloseTo(3.3e-5, 8);
    const linear = await bestValue({ from: -5, to: 5, spacing: 'linear' }, (x) => Promise.resolve(-((x - 1.234) ** 2)));
    expect(linear?.value).toBeCloseTo(1.234, 3);
  });

  it('keeps a likely value that is exactly the one', async () => {
    let asked = 0;
    const score = (x: number): Promise<number> => {
      asked++;
      return peak(10000)(x);
    };
    const found = await bestValue({ from: 100, to: 1e8, spacing: 'log', likely: [10000, 500000] }, score);
    expect(found?.value).toBeCloseTo(10000, 8);
    expect(asked).toBeLessThan(20);
  });

  it('skips values that cannot be computed, and gives nothing where none can', async () => {
    const some = await bestValue({ from: 1, to: 10, spacing: 'linear' }, (x) => Promise.resolve(x < 5 ? NaN : -x));
    expect(some?.value).toBeGreaterThanOrEqual(5);
    expect(some?.value).toBeLessThan(5.1);
    expect(await bestValue({ from: 1, to: 10, spacing: 'linear' }, () => Promise.resolve(NaN))).toBeUndefined();
  });
});
