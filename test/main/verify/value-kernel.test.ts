import { describe, expect, it } from 'vitest';
import { ValueKernel, WINDOW_VALUES } from '../../../src/main/verify/value-kernel';
import type { ValueSums } from '../../../src/shared/compare/decode-values';
import { mergeValues, noValues, statisticsOf } from '../../../src/shared/compare/decode-values';
import { randomWords } from '../../helpers/random';

const kernel = new ValueKernel();

function sumsOf(values: Float32Array): ValueSums {
  kernel.reset();
  kernel.judge.set(values);
  kernel.add(values.length);
  const sums = noValues();
  mergeValues(sums, kernel.sums(values.length, -1));
  return sums;
}

describe('statistics', () => {
  it('agree with the formula, for every bit pattern and any length', () => {
    for (const length of [0, 1, 2, 3, 4, 5, 31, 1000, WINDOW_VALUES]) {
      const values = new Float32Array(randomWords(length, length + 1).buffer);
      // random bits are mostly huge: let one in four be small, and have zeros
      for (let i = 0; i < length; i += 4) values[i] = i % 16 === 0 ? (i % 32) - 0 : 1 / (i + 3);
      const finite = Array.from(values).filter(Number.isFinite);
      const s = statisticsOf(sumsOf(values));
      expect(s.count).toBe(length);
      expect(s.nan).toBe(values.filter(Number.isNaN).length);
      expect(s.infinite).toBe(length - finite.length - s.nan);
      expect(s.zeros).toBe(finite.filter((x) => x === 0).length);
      expect(s.subnormal).toBe(finite.filter((x) => x !== 0 && Math.abs(x) < 2 ** -126).length);
      expect(s.histogram.reduce((sum, bin) => sum + bin.count, 0)).toBe(finite.length - s.zeros);
      if (finite.length === 0) continue;
      expect(s.min).toBe(Math.min(...finite));
      expect(s.max).toBe(Math.max(...finite));
      const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
      expect(Math.abs(s.mean! - mean)).toBeLessThanOrEqual(1e-12 * Math.max(...finite.map(Math.abs)));
    }
  });

  it('have the standard deviation of the population', () => {
    const { mean, std, min, max } = statisticsOf(sumsOf(Float32Array.of(2, 4, 4, 4, 5, 5, 7, 9)));
    expect({ mean, std, min, max }).toEqual({ mean: 5, std: 2, min: 2, max: 9 });
  });

  it('put values into half-octave bins, zeros apart, ascending', () => {
    const s = statisticsOf(sumsOf(Float32Array.of(1, 1.49, 1.5, 2, -1, -3, 0, -0, 1e-40)));
    expect(s.histogram).toEqual([
      { from: -4, to: -3, count: 1 },
      { from: -1.5, to: -1, count: 1 },
      { from: -(2 ** -127), to: 2 ** -127, count: 1 },
      { from: 1, to: 1.5, count: 2 },
      { from: 1.5, to: 2, count: 1 },
      { from: 2, to: 3, count: 1 },
    ]);
  });

  it('say null, not NaN, where there is no finite value', () => {
    expect(statisticsOf(sumsOf(Float32Array.of(NaN, Infinity)))).toMatchObject({
      min: null,
      mean: null,
      std: null,
      nan: 1,
    });
  });
});

describe('XXH64', () => {
  // test vectors of the xxHash project (seed 0)
  it.each([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
  ])('of %j', (text, hash) => {
    expect(kernel.hashOf(new TextEncoder().encode(text)).toString(16)).toBe(hash);
  });

  it('is the same in windows as at once', () => {
    const values = new Float32Array(randomWords(1003, 5).buffer);
    const whole = kernel.hashOf(new Uint8Array(values.buffer));
    kernel.reset();
    kernel.judge.set(values.subarray(0, 1000));
    kernel.add(1000);
    kernel.judge.set(values.subarray(1000));
    kernel.add(3);
    expect(kernel.hash(3)).toBe(whole);
  });
});

describe('firstDifference', () => {
  it('finds any single bit, rounded down to sixteen values', () => {
    kernel.judge.fill(1);
    for (const [at, count] of [
      [0, 1],
      [15, 40],
      [16, 40],
      [39, 40],
      [40, 40],
      [WINDOW_VALUES - 1, WINDOW_VALUES],
    ] as const) {
      kernel.lane.fill(1);
      kernel.laneBits[at]! ^= 1;
      expect(kernel.firstDifference(count), `${at} of ${count}`).toBe(at < count ? at - (at % 16) : count);
    }
  });
});
