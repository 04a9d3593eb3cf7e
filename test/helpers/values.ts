import { randomWords } from './random';

/** `count` reproducible values, evenly spread from `low` to `high`. */
export function uniform(count: number, low: number, high: number, seed = 1): Float32Array {
  return Float32Array.from(randomWords(count, seed), (word) => low + (word / 2 ** 32) * (high - low));
}

/** `count` reproducible vectors of length 1 in `size` dimensions, one after another. */
export function unitVectors(size: number, count: number, seed = 1): Float32Array {
  const values = uniform(size * count, -1, 1, seed);
  for (let at = 0; at < values.length; at += size) {
    const vector = values.subarray(at, at + size);
    const length = Math.hypot(...vector);
    vector.forEach((x, i) => (vector[i] = x / length));
  }
  return values;
}
