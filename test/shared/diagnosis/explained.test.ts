import { describe, expect, it } from 'vitest';
import { explainedShare } from '../../../src/shared/diagnosis/explained';

const f = (...x: number[]): Float32Array => Float32Array.from(x);
const NOISE = 1e-10;

describe('the share of an error that a prediction explains', () => {
  const right = f(1, 2, 3, 4);
  const wrong = f(1, 2, 5, 8);

  it('is 1 for the wrong result itself and 0 for the right one', () => {
    expect(explainedShare(right, wrong, wrong, NOISE)).toEqual({ share: 1, residualNmse: 0 });
    const { share, residualNmse } = explainedShare(right, wrong, right, NOISE);
    expect(share).toBe(0);
    expect(residualNmse).toBeCloseTo(20 / 30, 12);
  });

  it('counts squared errors, and falls below 0 for a prediction that is further off', () => {
    expect(explainedShare(right, wrong, f(1, 2, 5, 4), NOISE).share).toBeCloseTo(4 / 20, 12);
    expect(explainedShare(right, wrong, f(11, 2, 3, 4), NOISE).share).toBeLessThan(-3);
  });

  it('looks only where the mask says', () => {
    expect(explainedShare(right, wrong, f(9, 9, 5, 4), NOISE, Uint8Array.from([0, 0, 1, 0])).share).toBe(1);
  });

  it('asks for the same non-finite elements, and no others', () => {
    const overflow = f(1, NaN, Infinity, 4);
    expect(explainedShare(right, overflow, overflow, NOISE).share).toBe(1);
    expect(explainedShare(right, overflow, f(1, NaN, NaN, 4), NOISE).share).toBe((1 + 0.85) / 2);
    expect(explainedShare(right, overflow, f(NaN, NaN, Infinity, 4), NOISE).share).toBeCloseTo(2 / 3, 12);
    expect(explainedShare(right, overflow, right, NOISE).share).toBe(0);
  });

  it('asks for the finite rest too where that is wrong', () => {
    expect(explainedShare(right, f(1, NaN, 3, 8), f(1, NaN, 3, 4), NOISE).share).toBe(0);
    expect(explainedShare(right, f(1, NaN, 3, 8), f(1, NaN, 3, 8), NOISE).share).toBe(1);
  });

  it('asks for the numbers themselves where they are far smaller than the right ones', () => {
    const small = f(0.01, -0.02, 0.03, 0.01);
    expect(explainedShare(right, small, small, NOISE).share).toBe(1);
    // both are next to nothing, and nothing alike
    expect(explainedShare(right, small, f(-0.02, 0.01, 0.01, 0.03), NOISE).share).toBeLessThan(0);
    expect(explainedShare(right, f(0, 0, 0, 0), f(0, 0, 0, 0), NOISE).share).toBe(1);
    expect(explainedShare(right, f(0, 0, 0, 0), f(1e-6, 0, 0, 1e-6), NOISE).share).toBe(-Infinity);
  });

  it('explains nothing of a result that is right', () => {
    expect(explainedShare(right, right, wrong, NOISE).share).toBe(-Infinity);
    expect(explainedShare(right, right, right, NOISE).share).toBe(0);
  });
});
