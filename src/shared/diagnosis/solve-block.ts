import { SOLVED_RESIDUAL } from '../compare/tolerance';
import { leastSquares } from './least-squares';

/** Equations beyond the unknowns, so that a block that is not the one does not fit by chance. */
const SPARE_EQUATIONS = 8;

/**
 * Which one block of a weight row, wrong by which amounts, explains the errors of the row's results over the tokens.
 * @param error wrong − right for each token
 * @param inputs tokens × k values
 * @returns undefined with too few tokens, or where no single block does
 */
export function solveBlock(
  error: Float64Array,
  inputs: Float32Array,
  k: number,
  blockElements: number,
): { readonly block: number; readonly change: Float64Array } | undefined {
  const tokens = error.length;
  if (tokens < blockElements + SPARE_EQUATIONS || !error.every(Number.isFinite)) return undefined;
  const energy = error.reduce((sum, e) => sum + e * e, 0);
  let best: { block: number; change: Float64Array; residual: number } | undefined;
  for (let block = 0; block < k / blockElements; block++) {
    const rows = Array.from({ length: tokens }, (_, t) => {
      const first = t * k + block * blockElements;
      return inputs.subarray(first, first + blockElements);
    });
    const change = leastSquares(rows, error, blockElements);
    if (!change) continue;
    const residual = rows.reduce((sum, row, t) => {
      let d = error[t] as number;
      for (let i = 0; i < blockElements; i++) d -= (row[i] as number) * (change[i] as number);
      return sum + d * d;
    }, 0);
    if (!best || residual < best.residual) best = { block, change, residual };
  }
  return best && best.residual <= SOLVED_RESIDUAL * energy ? best : undefined;
}
