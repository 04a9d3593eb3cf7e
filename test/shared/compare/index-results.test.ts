import { describe, expect, it } from 'vitest';

import { givesIndices, valuesAtIndices } from '../../../src/shared/compare/index-results';
import type { OpKind } from '../../../src/shared/graph/ggml-op';

function at(kind: OpKind, indices: readonly number[], source: readonly number[], perRow: number): number[] {
  return [...valuesAtIndices(kind, Float32Array.from(indices), Float32Array.from(source), perRow)];
}

describe('givesIndices', () => {
  it('holds for ops whose results are places, not values', () => {
    const kinds = ['ARGSORT', 'TOP_K', 'ARGMAX', 'GET_ROWS', 'ADD', 'SOFT_MAX'] as const;
    expect(kinds.filter(givesIndices)).toEqual(['ARGSORT', 'TOP_K', 'ARGMAX']);
  });
});

describe('valuesAtIndices', () => {
  it('looks every index up in its own row', () => {
    expect(at('ARGSORT', [2, 0, 1, 1, 2, 0], [10, 20, 30, 40, 50, 60], 3)).toEqual([30, 10, 20, 50, 60, 40]);
    expect(at('ARGMAX', [2, 0], [10, 20, 30, 60, 50, 40], 1)).toEqual([30, 60]);
  });

  it('makes two orders of equal values alike, of different ones not', () => {
    const tied = [7, 7, 1];
    expect(at('ARGSORT', [0, 1, 2], tied, 3)).toEqual(at('ARGSORT', [1, 0, 2], tied, 3));
    expect(at('ARGSORT', [0, 2, 1], tied, 3)).not.toEqual(at('ARGSORT', [0, 1, 2], tied, 3));
    expect(at('ARGMAX', [0], tied, 1)).toEqual(at('ARGMAX', [1], tied, 1));
  });

  it('takes a second time in one row for NaN, in another row not', () => {
    expect(at('ARGSORT', [1, 1, 0], [7, 7, 7], 3)).toEqual([7, NaN, 7]);
    expect(at('ARGSORT', [1, 0, 1, 0], [1, 2, 3, 4], 2)).toEqual([2, 1, 4, 3]);
    expect(at('ARGMAX', [1, 1], [1, 2, 3, 4], 1)).toEqual([2, 4]);
  });

  it.each([-1, 3, 0.5, NaN, Infinity, -0.001, 2 ** 31])('takes %s of a row of three for NaN', (index) => {
    expect(at('ARGSORT', [index, 1, 2], [10, 20, 30], 3)).toEqual([NaN, 20, 30]);
  });

  it('leaves the order of those that are read open, and the others out, where only some are read', () => {
    const read = (indices: readonly number[]): number[] => [
      ...valuesAtIndices('ARGSORT', Float32Array.from(indices), Float32Array.from([10, 20, 30, 40]), 4, 2),
    ];
    expect(read([3, 2, 1, 0])).toEqual(read([2, 3, 0, 0]));
    expect(read([3, 1, 2, 0])).not.toEqual(read([3, 2, 1, 0]));
    expect(read([3, 3, 1, 0]).slice(0, 2)).toEqual([40, NaN]);
  });

  it('sorts the values of TOP_K in each row, since ggml leaves their order open', () => {
    expect(at('TOP_K', [3, 1, 0, 2], [1, 9, 5, 7, 8, 3, 6, 2], 2)).toEqual([7, 9, 6, 8]);
    expect(at('TOP_K', [1, 3], [1, 9, 5, 7], 2)).toEqual(at('TOP_K', [3, 1], [1, 9, 5, 7], 2));
    expect(at('ARGSORT', [1, 0], [1, 9], 2)).toEqual([9, 1]);
  });

  it('keeps what is wrong in TOP_K, at the end of its row', () => {
    expect(at('TOP_K', [4, 1, 2, 2], [1, 9, 5, 7, 8, 3, 6, 2], 2)).toEqual([9, NaN, 6, NaN]);
  });

  it('leaves indices and source as they are', () => {
    const indices = Float32Array.of(1, 0);
    const source = Float32Array.of(9, 3);
    expect([...valuesAtIndices('TOP_K', indices, source, 2)]).toEqual([3, 9]);
    expect([[...indices], [...source]]).toEqual([
      [1, 0],
      [9, 3],
    ]);
  });
});
