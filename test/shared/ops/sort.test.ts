import { describe, expect, it } from 'vitest';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import { complaint, runOp, tensor } from './op-helpers';

const row = tensor([6, 1, 1, 1], [2, NaN, -1, 2, Infinity, 0]);

function sorted(kind: OpKind, n: number, params: number[]): number[] {
  const dst = tensor([n, 1, 1, 1], [], { type: 'I32' });
  return [...runOp({ kind, ne: dst.ne, params, src: [row], dst })];
}

describe('ARGSORT', () => {
  it('keeps the order of equal values and puts NaNs last', () => {
    expect(sorted('ARGSORT', 6, [0])).toEqual([2, 5, 0, 3, 4, 1]);
    expect(sorted('ARGSORT', 6, [1])).toEqual([4, 0, 3, 5, 2, 1]);
  });

  it('refuses another order and results that are no indices', () => {
    const dst = tensor([6, 1, 1, 1], [], { type: 'I32' });
    expect(complaint({ kind: 'ARGSORT', ne: dst.ne, params: [2], src: [row], dst })).toContain('order 2');
    expect(complaint({ kind: 'ARGSORT', ne: dst.ne, params: [0], src: [row] })).toContain('the result is F32');
  });
});

describe('TOP_K', () => {
  it('gives the greatest, the second first', () => {
    expect(sorted('TOP_K', 3, [])).toEqual([0, 4, 3]);
    expect(sorted('TOP_K', 1, [])).toEqual([4]);
  });

  it('refuses more than there are', () => {
    const dst = tensor([7, 1, 1, 1], [], { type: 'I32' });
    expect(complaint({ kind: 'TOP_K', ne: dst.ne, src: [row], dst })).toContain('7 of 6 elements');
  });
});
