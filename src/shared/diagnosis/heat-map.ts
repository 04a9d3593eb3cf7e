import type { HeatMap } from '../divergence/cause';
import type { Dims } from '../graph/graph';

/** Cells in each direction at most. */
const CELLS = 64;
/** Stands for an infinite error: JSON has no Infinity. */
const INFINITE = 1e300;

/** Where in a result the error lies. @param mask 1 where the elements are compared; all when absent */
export function heatMap(right: Float32Array, wrong: Float32Array, ne: Dims, mask?: Uint8Array): HeatMap {
  const rows = ne[1] * ne[2] * ne[3];
  const elementsPerColumn = Math.ceil(ne[0] / CELLS);
  const rowsPerRow = Math.ceil(rows / CELLS);
  const size = { columns: Math.ceil(ne[0] / elementsPerColumn), rows: Math.ceil(rows / rowsPerRow) };
  const squares = new Float64Array(size.columns * size.rows);
  const counts = new Float64Array(squares.length);
  let energy = 0;
  let compared = 0;
  for (let i = 0; i < right.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const [r, w] = [right[i]!, wrong[i]!];
    const row = Math.floor(Math.floor(i / ne[0]) / rowsPerRow);
    const cell = row * size.columns + Math.floor((i % ne[0]) / elementsPerColumn);
    const alike = r === w || (r !== r && w !== w);
    squares[cell]! += alike ? 0 : Number.isFinite(r - w) ? (r - w) ** 2 : Infinity;
    counts[cell]!++;
    compared++;
    if (Number.isFinite(r)) energy += r * r;
  }
  const meanSquare = energy / Math.max(compared, 1);
  const values = Array.from(squares, (sum, cell) => {
    if (counts[cell] === 0) return null;
    const value = sum === 0 ? 0 : Math.sqrt(sum / (counts[cell] as number) / meanSquare);
    return Number.isFinite(value) ? value : INFINITE;
  });
  return { ...size, elementsPerColumn, rowsPerRow, values };
}
