/** Sixteen codes of one byte each become sixteen f32, in memory order. A shuffled-in 0x80 index gives a zero byte. */

/**
 * Power of two that undoes the place of a code in the top byte of its 32-bit lane. Folded into an f16 scale it leaves a
 * normal f32, so the product with the code is as exact as without.
 */
export const TOP_BYTE: i32 = -24;

/** Signed bytes × scale, where the scale carries TOP_BYTE: a byte in the top of its lane needs no sign extension. */
export function storeSigned(dst: usize, codes: v128, scale: v128): void {
  const a = i8x16.swizzle(codes, i8x16(-1, -1, -1, 0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3));
  const b = i8x16.swizzle(codes, i8x16(-1, -1, -1, 4, -1, -1, -1, 5, -1, -1, -1, 6, -1, -1, -1, 7));
  const c = i8x16.swizzle(codes, i8x16(-1, -1, -1, 8, -1, -1, -1, 9, -1, -1, -1, 10, -1, -1, -1, 11));
  const d = i8x16.swizzle(codes, i8x16(-1, -1, -1, 12, -1, -1, -1, 13, -1, -1, -1, 14, -1, -1, -1, 15));
  v128.store(dst, f32x4.mul(f32x4.convert_i32x4_s(a), scale));
  v128.store(dst + 16, f32x4.mul(f32x4.convert_i32x4_s(b), scale));
  v128.store(dst + 32, f32x4.mul(f32x4.convert_i32x4_s(c), scale));
  v128.store(dst + 48, f32x4.mul(f32x4.convert_i32x4_s(d), scale));
}

/** Signed bytes × scale, for scales so small that TOP_BYTE would cost bits. */
export function storeExact(dst: usize, codes: v128, scale: v128): void {
  const low = i16x8.extend_low_i8x16_s(codes);
  const high = i16x8.extend_high_i8x16_s(codes);
  v128.store(dst, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale));
  v128.store(dst + 16, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale));
  v128.store(dst + 32, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale));
  v128.store(dst + 48, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale));
}

/** Unsigned bytes × scale + offset, rounded after the product (exact for all formats that come here) and the sum. */
export function storeAffine(dst: usize, codes: v128, scale: v128, offset: v128): void {
  const a = i8x16.swizzle(codes, i8x16(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1));
  const b = i8x16.swizzle(codes, i8x16(4, -1, -1, -1, 5, -1, -1, -1, 6, -1, -1, -1, 7, -1, -1, -1));
  const c = i8x16.swizzle(codes, i8x16(8, -1, -1, -1, 9, -1, -1, -1, 10, -1, -1, -1, 11, -1, -1, -1));
  const d = i8x16.swizzle(codes, i8x16(12, -1, -1, -1, 13, -1, -1, -1, 14, -1, -1, -1, 15, -1, -1, -1));
  v128.store(dst, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(a), scale), offset));
  v128.store(dst + 16, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(b), scale), offset));
  v128.store(dst + 32, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(c), scale), offset));
  v128.store(dst + 48, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(d), scale), offset));
}

/** Four unsigned bytes, low byte first, as f32. */
export function bytesToF32(bytes: u32): v128 {
  const lanes = i8x16.swizzle(i32x4.splat(bytes), i8x16(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1));
  return f32x4.convert_i32x4_s(lanes);
}

/** Bytes of all ones where the element's bit (bits 0 … 15 for elements 0 … 15) is set. */
export function spreadBits(bits: u32): v128 {
  const bytes = i8x16.swizzle(i32x4.splat(bits), i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const mask = i64x2.splat(0x8040201008040201);
  return i8x16.eq(v128.and(bytes, mask), mask);
}

/** Lane `i` (a constant 0 … 3) of four f32, in all four lanes. */
export function lane(values: v128, i: i32): v128 {
  switch (i) {
    case 0:
      return v128.shuffle<f32>(values, values, 0, 0, 0, 0);
    case 1:
      return v128.shuffle<f32>(values, values, 1, 1, 1, 1);
    case 2:
      return v128.shuffle<f32>(values, values, 2, 2, 2, 2);
    default:
      return v128.shuffle<f32>(values, values, 3, 3, 3, 3);
  }
}
