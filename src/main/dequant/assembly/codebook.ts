/** Look-ups and scales that the codebook formats share. Tables lie at the addresses of tables.ts. */

/** Two entries of 8 bytes. */
export function pair(table: usize, first: u32, second: u32): v128 {
  return v128.load64_lane(table + (second << 3), v128.load64_zero(table + (first << 3)), 1);
}

/** Four entries of 4 bytes. */
export function quad(table: usize, a: u32, b: u32, c: u32, d: u32): v128 {
  const two = v128.load32_lane(table + (b << 2), v128.load32_zero(table + (a << 2)), 1);
  return v128.load32_lane(table + (d << 2), v128.load32_lane(table + (c << 2), two, 2), 3);
}

/** Negates the bytes whose mask is −1. */
export function negate(bytes: v128, masks: v128): v128 {
  return i8x16.sub(v128.xor(bytes, masks), masks);
}

/** d × (½ + s), d carrying the power of two that remains. */
export function halfScale(d: f32, s: u32): v128 {
  return f32x4.splat(d * ((s as f32) + 0.5));
}

/** d × (2 s + 1). */
export function oddScale(d: f32, s: u32): v128 {
  const odd = (s * 2 + 1) as f32;
  return f32x4.splat(d * odd);
}
