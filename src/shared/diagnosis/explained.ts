/**
 * How much of a wrong result a prediction explains.
 *
 *     explained = 1 − Σ(wrong − predicted)² / Σ(wrong − right)²
 *
 * over elements that are finite on all sides; 1 means reproduced, 0 no better than the right result. Non-finite
 * elements of the wrong result have to be non-finite in the same way in the prediction, and nowhere else.
 *
 * Where the wrong result is far smaller than the right one, whatever is small would explain it so: there the prediction
 * has to reproduce the wrong numbers themselves, 1 − Σ(wrong − predicted)² / Σ wrong².
 */
import { assert } from '../base/assert';

/**
 * What an infinite element counts where NaN is predicted, or the reverse: both come of the same overflow, one operation
 * or another order of a sum apart. Where all are so, that is less than it takes to call it the cause.
 */
const OTHER_KIND = 0.85;

/** Share of the right result's energy that is as good as none. */
const NOTHING = 1e-9;

export interface Explained {
  /** At most 1; below 0 where the prediction is further off than the right result. */
  readonly share: number;
  /** Σ(wrong − predicted)² / Σ right²: what stays unexplained, as NMSE; infinite where a non-finite element does. */
  readonly residualNmse: number;
}

/** @param noiseNmse up to this NMSE finite elements count as right beside non-finite ones */
export function explainedShare(
  right: Float32Array,
  wrong: Float32Array,
  predicted: Float32Array,
  noiseNmse: number,
  mask?: Uint8Array,
): Explained {
  assert(right.length === wrong.length && predicted.length === wrong.length, 'results of different sizes');
  let error = 0;
  let residual = 0;
  let energy = 0;
  let size = 0;
  let odd = 0;
  let alike = 0;
  for (let i = 0; i < wrong.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const [r, w, p] = [right[i]!, wrong[i]!, predicted[i]!];
    if (Number.isFinite(r)) energy += r * r;
    if (Number.isFinite(w) && Number.isFinite(p)) {
      if (!Number.isFinite(r)) continue;
      error += (w - r) ** 2;
      size += w * w;
      residual += (w - p) ** 2;
    } else if (!(w === r || (w !== w && r !== r))) {
      odd++;
      if (w === p || (w !== w && p !== p)) alike++;
      else if (!Number.isFinite(w) && !Number.isFinite(p)) alike += OTHER_KIND;
    } else if (!(w === p || (w !== w && p !== p))) {
      odd++;
    }
  }
  const residualNmse = residual === 0 ? 0 : residual / energy;
  const ofError = error === 0 ? (residual === 0 ? 0 : -Infinity) : 1 - residual / error;
  // zeros are made by what gives zeros, not by what gives next to nothing
  const isRounding = size > 0 && residual <= NOTHING * energy;
  const ofNumbers = residual === 0 || isRounding ? 1 : 1 - residual / size;
  const finite = Math.min(ofError, ofNumbers);
  if (odd === 0) return { share: finite, residualNmse };
  // the finite rest may be right; where it is wrong too it has to be explained as well
  const restIsRight = Math.max(error, residual) <= noiseNmse * energy;
  const share = restIsRight ? alike / odd : Math.min(alike / odd, finite);
  return { share, residualNmse: alike === odd ? residualNmse : Infinity };
}
