/** A write of rows into a cache, as hypotheses change it. */
import { elementCount } from '../../../graph/graph';
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';
import { isStateWrite } from '../../../graph/graph';
import { toBf16, toF16 } from '../../narrow-floats';

export interface CacheWrite {
  /** Values per row: a token's channels, or 1 where the cache is transposed. */
  readonly width: number;
  readonly rows: Float32Array;
  /** The row of the cache where each goes. */
  readonly at: Float32Array;
  /** The whole cache before. */
  readonly before: Float32Array;
  readonly cells: number;
  /** Token of each row: rows of one token follow each other where the cache is transposed. */
  readonly rowsPerToken: number;
}

/** Undefined where the node writes no rows into a cache. */
export function cacheWriteOf(site: Site): CacheWrite | undefined {
  const { graph, node } = site;
  if (node.kind !== 'SET_ROWS' || !isStateWrite(graph, node)) return undefined;
  const before = site.before();
  const rows = sourceTensor(site, 0);
  if (!before || !rows || rows.ne[2] * rows.ne[3] !== 1) return undefined;
  const at = valuesOf(site, 1);
  return {
    width: node.ne[0],
    rows: valuesOf(site, 0),
    at,
    before,
    cells: elementCount(node.ne) / node.ne[0],
    rowsPerToken: node.ne[0] === 1 ? transposedRows(at) : 1,
  };
}

/** Channels of a token in a transposed cache: they lie a whole row of cells apart, then the next token begins. */
function transposedRows(at: Float32Array): number {
  const step = (at[1] ?? 0) - (at[0] ?? 0);
  let count = 1;
  while (count < at.length && (at[count] as number) - (at[count - 1] as number) === step) count++;
  return at.length % count === 0 ? count : 1;
}

/** The cache after other rows were written, or to other places; a negative place or one past the end is left out. */
export function written(
  site: Site,
  { width, before, cells }: CacheWrite,
  rows: Float32Array,
  at: ArrayLike<number>,
): Float32Array {
  const out = before.slice();
  const { type } = site.node;
  const round = type === 'F16' ? toF16 : type === 'BF16' ? toBf16 : Math.fround;
  for (let i = 0; i < at.length; i++) {
    const cell = at[i] as number;
    if (cell < 0 || cell >= cells) continue;
    for (let c = 0; c < width; c++) out[cell * width + c] = round(rows[i * width + c] as number);
  }
  return out;
}
