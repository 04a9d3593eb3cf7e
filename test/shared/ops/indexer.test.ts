import { describe, expect, it } from 'vitest';
import { complaint, runOp, tensor } from './op-helpers';

describe('LIGHTNING_INDEXER', () => {
  // 2 channels, 2 heads, 1 token, 3 keys
  const q = tensor([2, 2, 1, 1], [1, 0, 0, -1]);
  const k = tensor([2, 1, 3, 1], [3, 5, -4, -6, 2, -1]);
  const weights = tensor([2, 1, 1, 1], [10, 100]);

  it('adds up weighted scores above 0, and the mask', () => {
    const mask = tensor([3, 1, 1, 1], [0, -Infinity, 0.5], { type: 'F16' });
    const src = [q, k, weights, mask];
    expect([...runOp({ kind: 'LIGHTNING_INDEXER', ne: [3, 1, 1, 1], src })]).toEqual([30, -Infinity, 120.5]);
  });

  it('refuses a mask that does not fit', () => {
    const src = [q, k, weights, tensor([2, 1, 1, 1], [])];
    expect(complaint({ kind: 'LIGHTNING_INDEXER', ne: [3, 1, 1, 1], src })).toContain(
      'a mask of [2, 1, 1, 1] for 3 keys and 1 tokens',
    );
  });
});
