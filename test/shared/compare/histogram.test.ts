import { describe, expect, it } from 'vitest';

import { histogram, sharedEdges } from '../../../src/shared/compare/histogram';

describe('histogram', () => {
  it('shares its bins between tensors and leaves non-finite values out', () => {
    const a = Float32Array.of(0, 1, NaN, 4);
    const b = Float32Array.of(2, -Infinity, 3);
    const edges = sharedEdges([a, b], 4);
    expect(edges).toEqual([0, 1, 2, 3, 4]);
    expect(histogram(a, edges)).toEqual([1, 1, 0, 1]);
    expect(histogram(b, edges)).toEqual([0, 0, 1, 1]);
  });

  it('gives a constant and an all-NaN tensor a bin, too', () => {
    expect(histogram(Float32Array.of(7, 7), sharedEdges([Float32Array.of(7, 7)], 2))).toEqual([0, 2]);
    expect(sharedEdges([Float32Array.of(NaN)], 2)).toEqual([0, 0.5, 1]);
  });
});
