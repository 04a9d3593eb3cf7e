/**
 * The error function and its complement to about 1e-15, which JavaScript lacks.
 *
 * |x| < 3: the series erf x = 2x/√π · e^(−x²) · Σ (2x²)ⁿ / (1·3·5···(2n+1)), all terms positive.
 * Beyond: the continued fraction of erfc (Abramowitz & Stegun 7.1.14), evaluated from the far end.
 */
const SERIES_LIMIT = 3;
const FRACTION_TERMS = 60;

export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  const value = a < SERIES_LIMIT ? series(a) : 1 - complement(a);
  return x < 0 ? -value : value;
}

/** 1 − erf x, without cancellation where that is small. */
export function erfc(x: number): number {
  return x < SERIES_LIMIT ? 1 - erf(x) : complement(x);
}

function series(x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; term > sum * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * x * Math.exp(-x * x) * sum;
}

/** erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))) */
function complement(x: number): number {
  if (x > 30) return 0;
  let f = x;
  for (let n = FRACTION_TERMS; n >= 1; n--) f = x + n / 2 / f;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / f;
}
