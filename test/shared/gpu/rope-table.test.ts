import { describe, expect, it } from 'vitest';
import { f32Bits } from '../../../src/shared/base/float-bits';
import { ropeParams, ropeTable } from '../../../src/shared/gpu/rope-table';

const bits = (x: number): number => f32Bits(x) | 0;
const OP_PARAMS = [0, 8, 2, 0, 4096, ...[10000, 0.5, 0, 1, 32, 1].map(bits), 0, 0, 0, 0, 6];

describe('ropeParams', () => {
  it('reads ggml’s op_params', () => {
    expect(ropeParams(OP_PARAMS)).toEqual({
      nDims: 8,
      mode: 2,
      contextLength: 4096,
      freqBase: 10000,
      freqScale: 0.5,
      extFactor: 0,
      attnFactor: 1,
      betaFast: 32,
      betaSlow: 1,
      first: 6,
    });
  });
});

describe('ropeTable', () => {
  const rope = { ...ropeParams(OP_PARAMS), freqScale: 1 };

  it('holds cosine and sine of position · base^(-2p/n) for each pair', () => {
    const table = ropeTable(rope, Int32Array.of(0, 3));
    expect([...table.subarray(0, 8)]).toEqual([1, 0, 1, 0, 1, 0, 1, 0]);
    const angles = [3, 0.3, 0.03, 0.003];
    angles.forEach((angle, p) => {
      expect(table[8 + 2 * p]).toBe(Math.fround(Math.cos(angle)));
      expect(table[9 + 2 * p]).toBeCloseTo(Math.sin(angle), 7);
    });
  });

  it('divides angles by frequency factors and multiplies them by the scale', () => {
    const table = ropeTable({ ...rope, freqScale: 0.25 }, Int32Array.of(8), Float32Array.of(2, 1, 1, 1));
    expect(table[0]).toBe(Math.fround(Math.cos(1)));
    expect(table[2]).toBeCloseTo(Math.cos(0.2), 7);
  });

  it('YaRN keeps high frequencies, scales low ones, and scales the magnitude', () => {
    const table = ropeTable({ ...rope, freqScale: 0.25, extFactor: 1 }, Int32Array.of(0, 1));
    const magnitude = 1 + 0.1 * Math.log(4);
    expect(table[0]).toBeCloseTo(magnitude, 6);
    expect(table[8]).toBeCloseTo(magnitude * Math.cos(1), 6); // pair 0: not scaled
    expect(table[15]! / magnitude).toBeCloseTo(0.25 * 0.001, 6); // the last pair: scaled
  });
});
