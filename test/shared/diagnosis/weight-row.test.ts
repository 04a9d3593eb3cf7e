import { describe, expect, it } from 'vitest';
import { askRow, blockOfRow } from '../../../src/shared/diagnosis/ask-row';
import { leastSquares } from '../../../src/shared/diagnosis/least-squares';
import { solveBlock } from '../../../src/shared/diagnosis/solve-block';

const wave = (n: number, a: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * a + a * a));

describe('asking for a weight row', () => {
  const reference = wave(96, 1.3);
  const row = { reference, tokens: 5, blockElements: 32 };
  const answerWith = (weights: Float32Array) => (b: Float32Array) =>
    Promise.resolve(Float32Array.from({ length: 5 }, (_, t) => askRow(weights, b, t)));

  it('finds the block that differs and reads its values', async () => {
    const wrong = reference.slice();
    wrong[70]! += 0.5;
    wrong[71]! -= 0.25;
    const found = await blockOfRow(row, answerWith(wrong));
    expect(found?.block).toBe(2);
    expect(found?.values).toEqual(wrong.slice(64, 96));
  });

  it('notices weights that only changed places', async () => {
    const swapped = reference.slice();
    [swapped[3], swapped[4]] = [reference[4]!, reference[3]!];
    expect((await blockOfRow(row, answerWith(swapped)))?.block).toBe(0);
  });

  it('finds nothing in right weights, and nothing it can trust beside a NaN', async () => {
    expect(await blockOfRow(row, answerWith(reference))).toBeUndefined();
    const nan = reference.slice();
    nan[0] = NaN;
    expect(await blockOfRow(row, answerWith(nan))).toBeUndefined();
  });

  it('gives up where nobody answers', async () => {
    expect(await blockOfRow(row, () => Promise.resolve(undefined))).toBeUndefined();
  });
});

describe('solving for a weight block', () => {
  const [k, tokens, blockElements] = [24, 20, 8];
  const inputs = Float32Array.from({ length: k * tokens }, (_, i) => Math.sin(i * i * 0.37 + i));
  const error = (change: Float64Array, block: number): Float64Array =>
    Float64Array.from({ length: tokens }, (_, t) => {
      let sum = 0;
      for (let i = 0; i < blockElements; i++) sum += change[i]! * inputs[t * k + block * blockElements + i]!;
      return sum;
    });

  it('finds which block changed, and by how much', () => {
    const change = Float64Array.from({ length: blockElements }, (_, i) => (i % 3) - 0.5);
    const found = solveBlock(error(change, 1), inputs, k, blockElements);
    expect(found?.block).toBe(1);
    found?.change.forEach((d, i) => expect(d).toBeCloseTo(change[i]!, 5));
  });

  it('does not answer where two blocks changed, or tokens are few', () => {
    const change = new Float64Array(blockElements).fill(1);
    const both = error(change, 0).map((e, t) => e + error(change, 2)[t]!);
    expect(solveBlock(both, inputs, k, blockElements)).toBeUndefined();
    expect(solveBlock(error(change, 1).subarray(0, 10), inputs, k, blockElements)).toBeUndefined();
  });

  it('knows a system without full rank', () => {
    const rows = [Float32Array.of(1, 2), Float32Array.of(2, 4), Float32Array.of(3, 6)];
    expect(leastSquares(rows, Float64Array.of(1, 2, 3), 2)).toBeUndefined();
  });
});
