import type { TensorStats } from './trace';

const FIRST_VALUES = 8;

/** Statistics of a checkpoint in two passes with f64 accumulation; non-finite elements are counted, not averaged. */
export function tensorStats(values: Float32Array | Float64Array): TensorStats {
  const n = values.length;
  let nan = 0;
  let inf = 0;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    if (v - v !== 0) {
      if (v !== v) nan++;
      else inf++;
      continue;
    }
    if (v < min) min = v;
    if (v > max) max = v;
    sum += v;
    squares += v * v;
  }
  const finite = n - nan - inf;
  const mean = finite > 0 ? sum / finite : NaN;
  let deviation = 0;
  for (let i = 0; i < n; i++) {
    const d = values[i]! - mean;
    if (d - d === 0) deviation += d * d;
  }
  return {
    count: n,
    min: finite > 0 ? min : NaN,
    max: finite > 0 ? max : NaN,
    mean,
    std: finite > 0 ? Math.sqrt(deviation / finite) : NaN,
    l2: Math.sqrt(squares),
    sum,
    nan,
    inf,
    first: Array.from(values.subarray(0, FIRST_VALUES)),
  };
}
