/** Σ x[i] × rows[from + i] in f64, over i ascending. */
export function dot(
  x: Float32Array | Float64Array,
  rows: Float32Array | Float64Array,
  from: number,
  count: number,
): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (x[i] as number) * (rows[from + i] as number);
  return sum;
}
