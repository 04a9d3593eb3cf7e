import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import { build, complaint, elementAt, floatBits, gappedStrides, nmse, randomValues, runOp, tensor } from './op-helpers';

const ne: Dims = [37, 3, 2, 2];
const x = randomValues(37 * 12, 3);
const EPS = Math.fround(1e-5);

function rowOf([, i1, i2, i3]: Dims): number[] {
  return Array.from({ length: ne[0] }, (_, i) => elementAt(x, ne, [i, i1, i2, i3]));
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe.each(['exact', 'ggml'] as const)('in %s arithmetic', (arithmetic) => {
  const src = [tensor(ne, x, { nb: gappedStrides('F32', ne), offset: 4 })];
  const params = [floatBits(1e-5)];

  it('RMS_NORM divides by the root of the mean square', () => {
    const expected = build(ne, (i) => elementAt(x, ne, i) / Math.sqrt(mean(rowOf(i).map((v) => v * v)) + EPS));
    const got = runOp({ kind: 'RMS_NORM', ne, src, params, arithmetic });
    expect(nmse(got, expected)).toBeLessThan(1e-13);
    if (arithmetic === 'exact') expect(nmse(got, expected)).toBeLessThan(1e-16);
  });

  it('NORM also takes the mean off', () => {
    const expected = build(ne, (i) => {
      const row = rowOf(i);
      const m = mean(row);
      return (elementAt(x, ne, i) - m) / Math.sqrt(mean(row.map((v) => (v - m) ** 2)) + EPS);
    });
    expect(nmse(runOp({ kind: 'NORM', ne, src, params, arithmetic }), expected)).toBeLessThan(1e-13);
  });

  it('L2_NORM divides by the length, at least eps', () => {
    const expected = build(ne, (i) => {
      const length = Math.sqrt(rowOf(i).reduce((sum, v) => sum + v * v, 0));
      return elementAt(x, ne, i) / Math.max(length, Math.fround(0.5));
    });
    const got = runOp({ kind: 'L2_NORM', ne, src, params: [floatBits(0.5)], arithmetic });
    expect(nmse(got, expected)).toBeLessThan(1e-13);
  });

  it('GROUP_NORM takes planes together', () => {
    const expected = build(ne, ([i0, i1, i2, i3]) => {
      const group = [0, 1].flatMap((plane) => [0, 1, 2].flatMap((row) => rowOf([0, row, plane, i3])));
      const m = mean(group);
      return (elementAt(x, ne, [i0, i1, i2, i3]) - m) / Math.sqrt(mean(group.map((v) => (v - m) ** 2)) + EPS);
    });
    const got = runOp({ kind: 'GROUP_NORM', ne, src, params: [1, floatBits(1e-5)], arithmetic });
    expect(nmse(got, expected)).toBeLessThan(1e-13);
  });
});

describe('edges', () => {
  const shape: Dims = [4, 1, 1, 1];
  const rms = (values: readonly number[], eps: number): number[] => [
    ...runOp({ kind: 'RMS_NORM', ne: shape, src: [tensor(shape, values)], params: [floatBits(eps)] }),
  ];

  it('keeps zeros where eps does, and gives NaN where 0/0 stands', () => {
    expect(rms([0, 0, 0, 0], 1e-6)).toEqual([0, 0, 0, 0]);
    expect(rms([0, 0, 0, 0], 0)).toEqual([NaN, NaN, NaN, NaN]);
  });

  it('does not overflow where squares exceed f32', () => {
    expect(rms([1e30, 1e30, -1e30, 1e30], 0)).toEqual([1, 1, -1, 1]);
  });

  it('spreads a NaN over its row', () => {
    expect(rms([1, NaN, 1, 1], 1e-6)).toEqual([NaN, NaN, NaN, NaN]);
  });

  it('refuses to divide into no groups', () => {
    const src = [tensor(shape, [1, 1, 1, 1])];
    expect(complaint({ kind: 'GROUP_NORM', ne: shape, src, params: [0, 0] })).toBe(
      'not measured: GROUP_NORM (0 groups)',
    );
  });

  it('refuses a negative eps', () => {
    const src = [tensor(shape, [1, 1, 1, 1])];
    expect(complaint({ kind: 'RMS_NORM', ne: shape, src, params: [floatBits(-1)] })).toBe(
      'not measured: RMS_NORM (eps is -1)',
    );
  });
});
