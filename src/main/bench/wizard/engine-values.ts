/** Values of an engine's run: what a cache write makes of a memory, how far two results lie apart. */
import type { GraphTensor } from '../../../shared/graph/graph';

/** Row ids[i] of the memory becomes row i; one plane. */
export function setRows(
  { ne }: GraphTensor,
  rows: Float32Array,
  ids: Float32Array,
  before: Float32Array,
): Float32Array {
  const after = Float32Array.from(before);
  for (let i = 0; i < ids.length; i++) {
    after.set(rows.subarray(i * ne[0], (i + 1) * ne[0]), (ids[i] as number) * ne[0]);
  }
  return after;
}

/** Σ(wrong − right)² / Σright²; Infinity where only one of two is a number. */
export function nmse(right: Float32Array, wrong: Float32Array): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < right.length; i++) {
    const r = right[i] as number;
    const w = wrong[i] as number;
    if (Object.is(r, w)) continue;
    if (!Number.isFinite(r) && !Number.isFinite(w)) continue;
    if (!Number.isFinite(w) || !Number.isFinite(r)) return Infinity;
    error += (w - r) ** 2;
  }
  for (const r of right) if (Number.isFinite(r)) energy += r * r;
  return energy === 0 ? (error === 0 ? 0 : Infinity) : error / energy;
}
