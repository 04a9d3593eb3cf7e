import type { Dims } from '../graph/graph';
import type { ColumnPairs } from './mat-mul-kernel';
import type { Allocate } from './memory';

/**
 * Groups the columns of a result by the plane of A that gives them; within a plane they keep their order.
 * @param planeOf plane (below `planes`) of each column of the result
 * @param sourceOf column of B of each column of the result
 */
export function pairColumns(
  planes: number,
  planeOf: ArrayLike<number>,
  sourceOf: (column: number) => number,
  allocate: Allocate,
): ColumnPairs {
  const counts = new Int32Array(planes);
  for (let c = 0; c < planeOf.length; c++) counts[planeOf[c] as number]!++;
  const used = counts.reduce((n, count) => (count > 0 ? n + 1 : n), 0);
  const pairs: ColumnPairs = {
    planes: int32(used, allocate),
    starts: int32(used + 1, allocate),
    from: int32(planeOf.length, allocate),
    to: int32(planeOf.length, allocate),
  };
  const next = new Int32Array(planes);
  for (let plane = 0, p = 0, start = 0; plane < planes; plane++) {
    if (counts[plane] === 0) continue;
    pairs.planes[p++] = plane;
    next[plane] = start;
    start += counts[plane] as number;
    pairs.starts[p] = start;
  }
  for (let c = 0; c < planeOf.length; c++) {
    const at = next[planeOf[c] as number]!++;
    pairs.from[at] = sourceOf(c);
    pairs.to[at] = c;
  }
  return pairs;
}

/** MUL_MAT: A's planes are repeated over B's dimensions 2 and 3, each for r2 × r3 consecutive planes of B. */
export function repeatedColumns(aNe: Dims, bNe: Dims, allocate: Allocate): ColumnPairs {
  const [, n1, n2, n3] = bNe;
  const r2 = n2 / aNe[2];
  const r3 = n3 / aNe[3];
  const planeOf = new Int32Array(n1 * n2 * n3);
  for (let i3 = 0, at = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++, at += n1) {
      planeOf.fill(Math.floor(i2 / r2) + Math.floor(i3 / r3) * aNe[2], at, at + n1);
    }
  }
  return pairColumns(aNe[2] * aNe[3], planeOf, (c) => c, allocate);
}

export function samePairs(a: ColumnPairs, b: ColumnPairs): boolean {
  return sameValues(a.planes, b.planes) && sameValues(a.from, b.from) && sameValues(a.to, b.to);
}

function sameValues(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

function int32(count: number, allocate: Allocate): Int32Array {
  return new Int32Array(allocate(4 * count));
}
