/**
 * Solves min ‖A·x − y‖ by normal equations and Cholesky, in f64.
 * @param rows of A, each of `unknowns` values
 * @returns undefined where A has no full rank
 */
export function leastSquares(
  rows: readonly Float32Array[],
  y: Float64Array,
  unknowns: number,
): Float64Array | undefined {
  const n = unknowns;
  const normal = new Float64Array(n * n);
  const right = new Float64Array(n);
  rows.forEach((row, t) => {
    for (let i = 0; i < n; i++) {
      const x = row[i] as number;
      right[i]! += x * (y[t] as number);
      for (let j = 0; j <= i; j++) normal[i * n + j]! += x * (row[j] as number);
    }
  });
  return factorize(normal, n) ? substitute(normal, right, n) : undefined;
}

/** Share of the largest diagonal element below which a pivot counts as zero. */
const SINGULAR = 1e-12;

/** Cholesky in place, lower triangle. */
function factorize(a: Float64Array, n: number): boolean {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, a[i * n + i] as number);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (a[i * n + k] as number) * (a[j * n + k] as number);
      if (i !== j) a[i * n + j] = sum / (a[j * n + j] as number);
      else if (!(sum > SINGULAR * largest)) return false;
      else a[i * n + i] = Math.sqrt(sum);
    }
  }
  return true;
}

function substitute(l: Float64Array, x: Float64Array, n: number): Float64Array {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= (l[i * n + k] as number) * (x[k] as number);
    x[i]! /= l[i * n + i] as number;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= (l[k * n + i] as number) * (x[k] as number);
    x[i]! /= l[i * n + i] as number;
  }
  return x;
}
