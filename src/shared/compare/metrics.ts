import { assert } from '../base/assert';
import type { Dims } from '../graph/graph';
import type { TensorMetrics, WorstElement } from './comparison';

/**
 * Compares a candidate tensor with a reference tensor of the same shape, element by element, with f64 accumulation.
 * Elements that are equal bit for bit, or infinite with the same sign on both sides, count as equal; NaN against NaN
 * too (both failed alike). Any other pair with a non-finite side makes `nmse` infinite.
 * @param ne shape, ggml order
 * @param mask 1 where the pair is to be compared; all when absent
 */
export function compareTensors(
  reference: Float32Array,
  candidate: Float32Array,
  ne: Dims,
  mask?: Uint8Array,
): TensorMetrics {
  const n = reference.length;
  assert(candidate.length === n, `compare ${n} elements with ${candidate.length}`);
  let count = 0;
  let refSquares = 0;
  let candSquares = 0;
  let dot = 0;
  let errSquares = 0;
  let maxAbs = 0;
  let maxAbsAt = 0;
  let nonFiniteAt = -1;
  for (let i = 0; i < n; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    count++;
    const r = reference[i]!;
    const c = candidate[i]!;
    const d = c - r;
    if (d - d !== 0) {
      const alike = r === c || (r !== r && c !== c);
      if (!alike && nonFiniteAt < 0) nonFiniteAt = i;
      continue;
    }
    refSquares += r * r;
    candSquares += c * c;
    dot += r * c;
    errSquares += d * d;
    const abs = d < 0 ? -d : d;
    if (abs > maxAbs) {
      maxAbs = abs;
      maxAbsAt = i;
    }
  }
  const worstAt = nonFiniteAt >= 0 ? nonFiniteAt : maxAbsAt;
  return {
    count,
    nmse: nonFiniteAt >= 0 ? Infinity : ratio(errSquares, refSquares),
    cosine: dot / Math.sqrt(refSquares * candSquares),
    maxAbs: nonFiniteAt >= 0 ? Infinity : maxAbs,
    worst: element(worstAt, reference, candidate, ne),
    maxUlp: maxUlpDistance(reference, candidate, mask),
    nonFinite: nonFiniteAt >= 0 ? element(nonFiniteAt, reference, candidate, ne) : undefined,
    argmaxFlips: argmaxFlips(reference, candidate, ne[0]),
  };
}

/** NMSE alone, with the rules of `compareTensors`. */
export function nmseOf(reference: Float32Array, candidate: Float32Array, mask?: Uint8Array): number {
  const { error, energy } = squaresOf(reference, candidate, mask);
  return ratio(error, energy);
}

/** Σ(cand−ref)² and Σref², with the rules of `compareTensors`: `error` is Infinity where non-finite elements differ. */
export function squaresOf(
  reference: Float32Array,
  candidate: Float32Array,
  mask?: Uint8Array,
): { readonly error: number; readonly energy: number } {
  let errSquares = 0;
  let refSquares = 0;
  const n = reference.length;
  for (let i = 0; i < n; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const r = reference[i]!;
    const c = candidate[i]!;
    const d = c - r;
    if (d - d !== 0) {
      if (r === c || (r !== r && c !== c)) continue;
      return { error: Infinity, energy: refSquares };
    }
    refSquares += r * r;
    errSquares += d * d;
  }
  return { error: errSquares, energy: refSquares };
}

function ratio(errSquares: number, refSquares: number): number {
  if (errSquares === 0) return 0;
  return refSquares === 0 ? Infinity : errSquares / refSquares;
}

function element(at: number, reference: Float32Array, candidate: Float32Array, ne: Dims): WorstElement {
  return { index: coordinatesOf(at, ne), reference: reference[at] ?? 0, candidate: candidate[at] ?? 0 };
}

/** Coordinates (ggml order) of the element at position `at` of a contiguous tensor. */
export function coordinatesOf(at: number, ne: Dims): Dims {
  const i0 = at % ne[0];
  const row = Math.floor(at / ne[0]);
  const i1 = row % ne[1];
  const plane = Math.floor(row / ne[1]);
  return [i0, i1, plane % ne[2], Math.floor(plane / ne[2])];
}

/** The `limit` pairs with the largest |difference|, largest first; differing non-finite pairs before all others. */
export function largestDifferences(
  reference: Float32Array,
  candidate: Float32Array,
  ne: Dims,
  limit: number,
): readonly WorstElement[] {
  const best: { at: number; size: number }[] = [];
  let threshold = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i]!;
    const c = candidate[i]!;
    let size = Math.abs(c - r);
    if (size - size !== 0) size = r === c || (r !== r && c !== c) ? 0 : Infinity;
    if (size <= threshold) continue;
    let slot = best.length;
    while (slot > 0 && best[slot - 1]!.size < size) slot--;
    best.splice(slot, 0, { at: i, size });
    if (best.length > limit) best.pop();
    if (best.length === limit) threshold = best[limit - 1]!.size;
  }
  return best.map((b) => element(b.at, reference, candidate, ne));
}

function maxUlpDistance(reference: Float32Array, candidate: Float32Array, mask?: Uint8Array): number {
  const a = new Int32Array(reference.buffer, reference.byteOffset, reference.length);
  const b = new Int32Array(candidate.buffer, candidate.byteOffset, candidate.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const x = a[i]!;
    const y = b[i]!;
    if (x === y || (x & 0x7f800000) === 0x7f800000 || (y & 0x7f800000) === 0x7f800000) continue;
    // Sign-magnitude to a line on which neighbours differ by one.
    const u = x < 0 ? -(x & 0x7fffffff) : x;
    const v = y < 0 ? -(y & 0x7fffffff) : y;
    const distance = u > v ? u - v : v - u;
    if (distance > worst) worst = distance;
  }
  return worst;
}

function argmaxFlips(reference: Float32Array, candidate: Float32Array, ne0: number): number {
  if (ne0 < 2) return 0;
  let flips = 0;
  for (let start = 0; start + ne0 <= reference.length; start += ne0) {
    if (argmax(reference, start, ne0) !== argmax(candidate, start, ne0)) flips++;
  }
  return flips;
}

/** Index (within the row) of the first largest element; NaN never wins. */
export function argmax(values: Float32Array, start: number, length: number): number {
  let best = 0;
  let bestValue = -Infinity;
  for (let i = 0; i < length; i++) {
    const v = values[start + i]!;
    if (v > bestValue) {
      bestValue = v;
      best = i;
    }
  }
  return best;
}
