import { describe, expect, it } from 'vitest';

import { kullbackLeibler, topLogits } from '../../../src/shared/compare/logits';
import { compareTensors, coordinatesOf, largestDifferences, nmseOf } from '../../../src/shared/compare/metrics';

const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

describe('compareTensors', () => {
  it('divides by the energy of the reference, not of the candidate', () => {
    const m = compareTensors(f32(3, 4), f32(3, 5), [2, 1, 1, 1]);
    expect(m.nmse).toBeCloseTo(1 / 25, 12);
    expect(m.cosine).toBeCloseTo((9 + 20) / (5 * Math.sqrt(34)), 12);
    expect(m).toMatchObject({ maxAbs: 1, worst: { index: [1, 0, 0, 0], reference: 4, candidate: 5 }, argmaxFlips: 0 });
  });

  it('judges NaN and Inf before any average', () => {
    const m = compareTensors(f32(1, 2, 3), f32(1, NaN, 100), [3, 1, 1, 1]);
    expect(m.nmse).toBe(Infinity);
    expect(m.nonFinite).toEqual({ index: [1, 0, 0, 0], reference: 2, candidate: NaN });
  });

  it('takes equal infinities (a mask) and a NaN on both sides as equal', () => {
    const m = compareTensors(f32(-Infinity, NaN, 2), f32(-Infinity, NaN, 2), [3, 1, 1, 1]);
    expect(m).toMatchObject({ nmse: 0, maxAbs: 0 });
    expect(m.nonFinite).toBeUndefined();
    expect(nmseOf(f32(-Infinity, 1), f32(Infinity, 1))).toBe(Infinity);
  });

  it('calls a zero reference equal only to zero', () => {
    expect(nmseOf(f32(0, 0), f32(0, -0))).toBe(0);
    expect(nmseOf(f32(0, 0), f32(0, 1e-30))).toBe(Infinity);
  });

  it('counts units in the last place across zero', () => {
    const tiny = 1.401298464324817e-45;
    expect(compareTensors(f32(-tiny), f32(tiny), [1, 1, 1, 1]).maxUlp).toBe(2);
    expect(compareTensors(f32(1), f32(1 + 2 ** -23), [1, 1, 1, 1]).maxUlp).toBe(1);
  });

  it('compares only what the mask shows', () => {
    expect(nmseOf(f32(1, 2), f32(1, 9), Uint8Array.of(1, 0))).toBe(0);
    expect(compareTensors(f32(1, 2), f32(1, 9), [2, 1, 1, 1], Uint8Array.of(1, 0)).count).toBe(1);
  });

  it('counts rows whose largest element moved', () => {
    expect(compareTensors(f32(1, 2, 5, 4), f32(2, 1, 5, 4), [2, 2, 1, 1]).argmaxFlips).toBe(1);
  });
});

describe('largestDifferences', () => {
  it('sorts by size, non-finite first, with ggml coordinates', () => {
    const found = largestDifferences(f32(0, 0, 0, 0, 0, 0), f32(1, 3, NaN, 2, 0, 0), [2, 3, 1, 1], 3);
    expect(found.map((w) => w.index)).toEqual([
      [0, 1, 0, 0],
      [1, 0, 0, 0],
      [1, 1, 0, 0],
    ]);
    expect(coordinatesOf(23, [2, 3, 2, 2])).toEqual([1, 2, 1, 1]);
  });
});

describe('logits', () => {
  it('measures the divergence of the two distributions in nats', () => {
    const p = f32(Math.log(0.5), Math.log(0.5));
    const q = f32(Math.log(0.9), Math.log(0.1));
    expect(kullbackLeibler(p, q)).toBeCloseTo(0.5 * Math.log(0.5 / 0.9) + 0.5 * Math.log(0.5 / 0.1), 6);
    expect(kullbackLeibler(f32(1000, 0, -Infinity), f32(1000, 0, -Infinity))).toBe(0);
  });

  it('ranks the largest, first index first, never NaN', () => {
    expect(topLogits(f32(1, NaN, 3, 3, 2), 3).map((t) => t.token)).toEqual([2, 3, 4]);
  });
});
