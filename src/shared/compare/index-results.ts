import type { OpKind } from '../graph/ggml-op';

/** Ops whose results are row indices into their source 0. */
const INDEX_OPS: ReadonlySet<OpKind> = new Set<OpKind>(['ARGSORT', 'TOP_K', 'ARGMAX']);

export function givesIndices(kind: OpKind): boolean {
  return INDEX_OPS.has(kind);
}

/**
 * What indices point at: equal values may come in any order, so two results are alike when these are. An index out of
 * range, or a second time in its row, becomes NaN. ggml leaves the order of TOP_K open: its values come sorted.
 * @param indices all rows of the op's result
 * @param source all rows of the op's source 0; as many rows
 * @param perRow indices per row
 * @param read how many first indices of each row are read, in any order, and no other; absent where the order counts
 */
export function valuesAtIndices(
  kind: OpKind,
  indices: Float32Array,
  source: Float32Array,
  perRow: number,
  read?: number,
): Float32Array {
  const out = new Float32Array(indices.length);
  const rows = indices.length / perRow;
  const width = source.length / rows;
  const used = new Int32Array(width).fill(-1);
  const count = read ?? perRow;
  for (let row = 0; row < rows; row++) {
    const [begin, end] = [row * perRow, row * perRow + count];
    for (let i = begin; i < end; i++) {
      const index = indices[i]!;
      const fits = Number.isInteger(index) && index >= 0 && index < width && used[index] !== row;
      if (fits) used[index] = row;
      out[i] = fits ? source[row * width + index]! : NaN;
    }
    if (kind === 'TOP_K' || read !== undefined) out.subarray(begin, end).sort();
  }
  return out;
}
