import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import { build, complaint, elementAt, gappedStrides, randomValues, runOp, tensor } from './op-helpers';

const ne: Dims = [5, 3, 2, 2];
const values = randomValues(60, 7);
const source = tensor(ne, values, { nb: gappedStrides('F32', ne), offset: 8 });

describe('REPEAT, ROLL, PAD', () => {
  it('repeats every dimension', () => {
    const into: Dims = [10, 3, 6, 2];
    expect(runOp({ kind: 'REPEAT', ne: into, src: [source] })).toEqual(build(into, (i) => elementAt(values, ne, i)));
  });

  it('rolls either way', () => {
    const rolled = build(ne, ([a, b, c, d]) => elementAt(values, ne, [a + 3, b + 1, c, d + 1]));
    expect(runOp({ kind: 'ROLL', ne, params: [2, -1, 0, 1], src: [source] })).toEqual(rolled);
  });

  it('pads with zeros, cuts off, and goes around', () => {
    const row = tensor([4, 1, 1, 1], [1, 2, 3, 4]);
    const padded = (n: number, left: number, right: number, circular: number): number[] => {
      const params = [left, right, 0, 0, 0, 0, 0, 0, circular];
      return [...runOp({ kind: 'PAD', ne: [n, 1, 1, 1], params, src: [row] })];
    };
    expect(padded(7, 1, 2, 0)).toEqual([0, 1, 2, 3, 4, 0, 0]);
    expect(padded(2, -1, -1, 0)).toEqual([2, 3]);
    expect(padded(7, 1, 2, 1)).toEqual([4, 1, 2, 3, 4, 1, 2]);
  });

  it('mirrors', () => {
    const row = tensor([4, 1, 1, 1], [1, 2, 3, 4]);
    const mirrored = runOp({ kind: 'PAD_REFLECT_1D', ne: [9, 1, 1, 1], params: [3, 2], src: [row] });
    expect([...mirrored]).toEqual([4, 3, 2, 1, 2, 3, 4, 3, 2]);
  });

  it.each([
    ['REPEAT', [9, 3, 2, 2], [], '[5, 3, 2, 2] cannot be repeated to [9, 3, 2, 2]'],
    ['ROLL', [4, 3, 2, 2], [], 'source 0 is [5, 3, 2, 2]; [4, 3, 2, 2] is expected'],
    ['PAD', [7, 3, 2, 2], [1], 'source 0 is [5, 3, 2, 2]; [6, 3, 2, 2] is expected'],
    ['PAD_REFLECT_1D', [10, 3, 2, 2], [5, 0], '5 elements cannot be mirrored by 5 and 0'],
    ['UPSCALE', [10, 6, 2, 2], [1], 'mode 1'],
  ] as const)('%s refuses what does not fit', (kind, into, params, why) => {
    expect(complaint({ kind, ne: into, params, src: [source] })).toBe(`not measured: ${kind} (${why})`);
  });
});

describe('CONCAT', () => {
  it('joins I32 beyond the precision of f32', () => {
    const a = tensor([2, 1, 1, 1], [0, 7], { type: 'I32' });
    a.writeIndex(0, 0, 0, 0, 16_777_217);
    const dst = tensor([3, 1, 1, 1], [], { type: 'I32' });
    runOp({ kind: 'CONCAT', ne: [3, 1, 1, 1], params: [0], src: [a, tensor([1, 1, 1, 1], [5], { type: 'I32' })], dst });
    expect([0, 1, 2].map((i) => dst.readIndex(i, 0, 0, 0))).toEqual([16_777_217, 7, 5]);
  });

  it('refuses other extents and dimensions', () => {
    const src = [source, source];
    expect(complaint({ kind: 'CONCAT', ne: [5, 6, 2, 2], params: [0], src })).toContain('do not join to [5, 6, 2, 2]');
    expect(complaint({ kind: 'CONCAT', ne: [5, 6, 2, 2], params: [4], src })).toContain('dimension 4');
  });
});

describe('SET and ACC', () => {
  const a = tensor([4, 3, 1, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const b = tensor([2, 2, 1, 1], [100, 200, 300, 400]);
  const run = (kind: 'SET' | 'ACC'): number[] => [
    ...runOp({ kind, ne: [4, 3, 1, 1], params: [16, 48, 48, 20], src: [a, b] }),
  ];

  it('replace or add to a window', () => {
    expect(run('SET')).toEqual([1, 2, 3, 4, 5, 100, 200, 8, 9, 300, 400, 12]);
    expect(run('ACC')).toEqual([1, 2, 3, 4, 5, 106, 207, 8, 9, 310, 411, 12]);
  });

  it.each([
    [[16, 48, 48, 44], 'the window reaches past the result'],
    [[4, 48, 48, 0], 'a window of strides [4, 4, 48, 48] at 0'],
    [[16, 48, 48, 2], 'a window of strides [4, 16, 48, 48] at 2'],
    [[16, 48, 48, -4], 'a window of strides [4, 16, 48, 48] at -4'],
  ])('refuse the window %j', (params, why) => {
    const refused = complaint({ kind: 'SET', ne: [4, 3, 1, 1], params, src: [a, b] });
    expect(refused).toBe(`not measured: SET (${why})`);
  });
});
