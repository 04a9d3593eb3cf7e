/**
 * Blocks of values that were rotated first: an orthogonal Hadamard matrix spreads an outlier over its whole block, so that
 * few bits do for it (QuaRot; llama.cpp's quantized caches). The rotation is its own inverse.
 */
import type { Dims } from '../../graph/graph';
import type { Grid } from './grids';
import { forEachBlock } from './grids';

/**
 * `grid` as it rounds rotated values, rotated back.
 * @param size channels of one rotation, a power of two that divides the dimension
 * @param axis along which they lie
 */
export function rotatedGrid(grid: Grid, size: number, axis: 0 | 1): Grid {
  const turned = (values: Float32Array, ne: Dims, round: (v: Float32Array) => Float32Array): Float32Array =>
    rotated(round(rotated(values, ne, size, axis)), ne, size, axis);
  return {
    ...grid,
    name: `${grid.name}, rotated`,
    nearest: (values, ne) => turned(values, ne, (v) => grid.nearest(v, ne)),
    dithered: (values, ne, random) => turned(values, ne, (v) => grid.dithered(v, ne, random)),
  };
}

function rotated(values: Float32Array, ne: Dims, size: number, axis: 0 | 1): Float32Array {
  const out = Float64Array.from(values);
  const scale = 1 / Math.sqrt(size);
  forEachBlock(ne, { length: size, axis, begun: 0 }, (first, count, stride) => {
    for (let half = 1; half < count; half *= 2) {
      for (let i = 0; i < count; i++) {
        if (i & half) continue;
        const [low, high] = [first + i * stride, first + (i + half) * stride];
        const [a, b] = [out[low]!, out[high]!];
        out[low] = a + b;
        out[high] = a - b;
      }
    }
    for (let i = 0; i < count; i++) out[first + i * stride]! *= scale;
  });
  return Float32Array.from(out);
}

/** The largest power of two that divides `channels`. */
export function widestRotation(channels: number): number {
  return channels & -channels;
}
