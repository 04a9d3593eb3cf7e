/** Edges of `bins` equal bins over the finite values of all tensors; a single value gets a bin of width 1 around it. */
export function sharedEdges(tensors: readonly Float32Array[], bins: number): readonly number[] {
  let min = Infinity;
  let max = -Infinity;
  for (const values of tensors) {
    for (let i = 0; i < values.length; i++) {
      const v = values[i]!;
      if (v - v !== 0) continue;
      if (v < min) min = v;
      if (v > max) max = v;
    }
  }
  if (min > max) [min, max] = [0, 1];
  if (min === max) [min, max] = [min - 0.5, max + 0.5];
  const step = (max - min) / bins;
  return Array.from({ length: bins + 1 }, (_, i) => (i === bins ? max : min + i * step));
}

/** Counts per bin of `edges`; the last bin includes its upper edge; non-finite values are left out. */
export function histogram(values: Float32Array, edges: readonly number[]): readonly number[] {
  const bins = edges.length - 1;
  const counts = new Array<number>(bins).fill(0);
  const min = edges[0]!;
  const scale = bins / (edges[bins]! - min);
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (v - v !== 0) continue;
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((v - min) * scale)));
    counts[bin]!++;
  }
  return counts;
}
