import { describe, expect, it } from 'vitest';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../src/shared/graph/graph';
import { complaint, gappedStrides, runOp, tensor } from './op-helpers';

const ne: Dims = [4, 2, 1, 1];
const rows = [1, 2, 3, 4, 10, -20, 30, 5];
const src = [tensor(ne, rows, { nb: gappedStrides('F32', ne), offset: 8 })];

describe('sums', () => {
  it.each<[OpKind, Dims, number[]]>([
    ['SUM', [1, 1, 1, 1], [35]],
    ['SUM_ROWS', [1, 2, 1, 1], [10, 25]],
    ['MEAN', [1, 2, 1, 1], [2.5, 6.25]],
    ['CUMSUM', ne, [1, 3, 6, 10, 10, -10, 20, 25]],
  ])('%s', (kind, dst, expected) => {
    expect([...runOp({ kind, ne: dst, src })]).toEqual(expected);
  });

  it('adds in f64, and F16 terms of ggml arithmetic in f32', () => {
    const shape: Dims = [3, 1, 1, 1];
    const one: Dims = [1, 1, 1, 1];
    const terms = [1024, 2 ** -14, -1024];
    const sumOf = (type: 'F32' | 'F16', arithmetic: 'exact' | 'ggml'): number[] => [
      ...runOp({ kind: 'SUM', ne: one, src: [tensor(shape, terms, { type })], arithmetic }),
    ];
    expect(sumOf('F32', 'exact')).toEqual([2 ** -14]);
    expect(sumOf('F32', 'ggml')).toEqual([2 ** -14]);
    expect(sumOf('F16', 'exact')).toEqual([2 ** -14]);
    expect(sumOf('F16', 'ggml')).toEqual([0]);
  });
});

describe('ARGMAX', () => {
  const argmax = (values: readonly number[], shape: Dims): number[] => {
    const result: Dims = [shape[1], 1, 1, 1];
    const dst = tensor(result, [], { type: 'I32' });
    runOp({ kind: 'ARGMAX', ne: result, src: [tensor(shape, values)], dst });
    return Array.from({ length: shape[1] }, (_, i) => dst.readIndex(i, 0, 0, 0));
  };

  it('gives the last among equals, and starts anew after a NaN', () => {
    expect(argmax([1, 7, 7, 2, 9, NaN, 3, 1, NaN, NaN, NaN, NaN], [4, 3, 1, 1])).toEqual([2, 2, 0]);
  });
});

describe('shape rules', () => {
  it.each<[OpKind, Dims, string]>([
    ['SUM', [2, 1, 1, 1], 'the result is [2, 1, 1, 1]; one element is expected'],
    ['SUM_ROWS', [1, 3, 1, 1], 'one element per row of [4, 2, 1, 1] is expected'],
    ['MEAN', [2, 2, 1, 1], 'one element per row of [4, 2, 1, 1] is expected'],
    ['CUMSUM', [4, 3, 1, 1], 'source 0 is [4, 2, 1, 1]; [4, 3, 1, 1] is expected'],
    ['ARGMAX', [2, 1, 1, 1], 'the result is F32; I32 is expected'],
  ])('%s of another extent or type', (kind, dst, text) => {
    expect(complaint({ kind, ne: dst, src })).toContain(text);
  });

  it('refuses ARGMAX of several planes', () => {
    const dst = tensor([2, 1, 1, 1], [], { type: 'I32' });
    expect(complaint({ kind: 'ARGMAX', ne: [2, 1, 1, 1], src: [tensor([4, 2, 3, 1], [])], dst })).toContain(
      'planes [3, 1]; a matrix is expected',
    );
  });
});
