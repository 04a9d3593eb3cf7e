import { describe, expect, it } from 'vitest';

import { constantFactor } from '../../../src/shared/divergence/constant-factor';

const right = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i) * (1 + (i % 7)));

describe('constantFactor', () => {
  it('gives the factor of all values, and how exactly it is known', () => {
    const found = constantFactor(
      [right],
      right.map((v) => v * 0.125),
      undefined,
      1e-12,
    );
    expect(found?.value).toBeCloseTo(0.125, 7);
    expect(found?.within).toBeLessThan(1e-5);
    const noisy = right.map((v, i) => v * 0.125 * (1 + 0.01 * Math.sin(1.7 * i)));
    const rough = constantFactor([right], noisy, undefined, 1e-3);
    expect(Math.abs((rough?.value ?? 0) / 0.125 - 1)).toBeLessThan(rough?.within ?? 0);
  });

  it('is undefined where values are off otherwise, or by a sign, or are all zero', () => {
    const one = (change: (v: number, i: number) => number): unknown =>
      constantFactor([right], right.map(change), undefined, 1e-12);
    expect(one((v, i) => (i === 3 ? v : v * 0.125))).toBeUndefined();
    expect(one((v) => v * 0.125 + 0.1)).toBeUndefined();
    expect(one((v) => -v)).toBeUndefined();
    expect(one(() => 0)).toBeUndefined();
    expect(one((v, i) => (i === 0 ? NaN : v))).toBeUndefined();
  });

  it('does not look at what the mask leaves out, and takes the nearest correct way', () => {
    const values = right.map((v, i) => (i < 10 ? 99 : v * 2));
    const mask = Uint8Array.from(right, (_, i) => (i < 10 ? 0 : 1));
    const far = right.map((v, i) => v + Math.cos(i));
    expect(constantFactor([far, right], values, mask, 1e-12)?.value).toBeCloseTo(2, 6);
  });
});
