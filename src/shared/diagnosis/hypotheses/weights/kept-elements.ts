import { RowDecoder } from '../../../gguf/decode-rows';
import type { Site } from '../../site';
import { valuesOf } from '../../site';
import { dataOf, wholeWeightOf } from './weight-site';

/** Results looked at: rows of the weight, columns. */
const MOST_ROWS = 32;
const MOST_COLUMNS = 4;

/**
 * How many elements of K were added, if only the first ones were: the number of which the sums come nearest to the wrong
 * results. Undefined where all were, and where no wrong result of this node is known.
 */
export function keptElements(site: Site): number | undefined {
  const weight = wholeWeightOf(site);
  const { wrong, mask, node } = site;
  if (!weight || !wrong || node.kind !== 'MUL_MAT' || weight.ne[2] * weight.ne[3] !== 1) return undefined;
  const [k, n] = weight.ne;
  const data = dataOf(site, weight);
  const x = valuesOf(site, 1);
  const columns = Math.min(MOST_COLUMNS, x.length / k);
  const row = new Float32Array(k);
  const decoder = new RowDecoder();
  const residual = new Float64Array(k + 1);
  for (let r = 0; r < n; r += Math.ceil(n / MOST_ROWS)) {
    decoder.decode(data, r, 1, row);
    for (let c = 0; c < columns; c++) {
      const w = wrong[c * n + r]!;
      if (mask?.[c * n + r] === 0 || !Number.isFinite(w)) continue;
      let sum = 0;
      for (let i = 0; i <= k; i++) {
        residual[i]! += (w - sum) ** 2;
        if (i < k) sum += row[i]! * x[c * k + i]!;
      }
    }
  }
  const kept = residual.indexOf(Math.min(...residual));
  return kept > 0 && kept < k ? kept : undefined;
}
