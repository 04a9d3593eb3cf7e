/** K-quants of four to six bits; layouts in src/shared/quant/k-quants.ts. */
import { f16, loadF16 } from './f16';
import { bytesToF32, lane, storeAffine, storeSigned, TOP_BYTE } from './lanes';

/*
 * Scales s and mins m of Q4_K and Q5_K at `p`, as 32-bit words of four sub-blocks each:
 *
 *   word 0   s[0…3], high bits of s[4…7] in bits 7 6
 *   word 1   m[0…3], high bits of m[4…7] in bits 7 6
 *   word 2   low bits of s[4…7] in bits 3…0, of m[4…7] in bits 7…4
 */
function scalesLow(p: usize): v128 {
  return bytesToF32(load<u32>(p) & 0x3f3f3f3f);
}

function scalesHigh(p: usize): v128 {
  return bytesToF32((load<u32>(p, 8) & 0x0f0f0f0f) | ((load<u32>(p) >> 2) & 0x30303030));
}

function minsLow(p: usize): v128 {
  return bytesToF32(load<u32>(p, 4) & 0x3f3f3f3f);
}

function minsHigh(p: usize): v128 {
  return bytesToF32(((load<u32>(p, 8) >> 4) & 0x0f0f0f0f) | ((load<u32>(p, 4) >> 2) & 0x30303030));
}

/** 32 code bytes: their low nibbles are one sub-block, their high nibbles the next. `m` is −dmin × min. */
function storeNibbles(dst: usize, qs: usize, d1: v128, m1: v128, d2: v128, m2: v128): void {
  const a = v128.load(qs);
  const b = v128.load(qs, 16);
  storeAffine(dst, v128.and(a, i8x16.splat(15)), d1, m1);
  storeAffine(dst + 64, v128.and(b, i8x16.splat(15)), d1, m1);
  storeAffine(dst + 128, i8x16.shr_u(a, 4), d2, m2);
  storeAffine(dst + 192, i8x16.shr_u(b, 4), d2, m2);
}

/** x = d × scale × q − dmin × min; adding the negated min rounds alike. */
export function Q4_K(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 144, dst += 1024) {
    const dm = load<u32>(src);
    const d = f32x4.splat(f16(dm & 0xffff, 0));
    const dmin = f32x4.splat(-f16(dm >> 16, 0));
    let s = f32x4.mul(d, scalesLow(src + 4));
    let m = f32x4.mul(dmin, minsLow(src + 4));
    storeNibbles(dst, src + 16, lane(s, 0), lane(m, 0), lane(s, 1), lane(m, 1));
    storeNibbles(dst + 256, src + 48, lane(s, 2), lane(m, 2), lane(s, 3), lane(m, 3));
    s = f32x4.mul(d, scalesHigh(src + 4));
    m = f32x4.mul(dmin, minsHigh(src + 4));
    storeNibbles(dst + 512, src + 80, lane(s, 0), lane(m, 0), lane(s, 1), lane(m, 1));
    storeNibbles(dst + 768, src + 112, lane(s, 2), lane(m, 2), lane(s, 3), lane(m, 3));
  }
}

/** As `storeNibbles`; `ha` and `hb` hold the high bits of the first sub-block in bit 0, of the second in bit 1. */
function storeFiveBits(dst: usize, qs: usize, ha: v128, hb: v128, d1: v128, m1: v128, d2: v128, m2: v128): void {
  const a = v128.load(qs);
  const b = v128.load(qs, 16);
  const nibble = i8x16.splat(15);
  const bit4 = i8x16.splat(16);
  storeAffine(dst, v128.or(v128.and(a, nibble), v128.and(i16x8.shl(ha, 4), bit4)), d1, m1);
  storeAffine(dst + 64, v128.or(v128.and(b, nibble), v128.and(i16x8.shl(hb, 4), bit4)), d1, m1);
  storeAffine(dst + 128, v128.or(i8x16.shr_u(a, 4), v128.and(i16x8.shl(ha, 3), bit4)), d2, m2);
  storeAffine(dst + 192, v128.or(i8x16.shr_u(b, 4), v128.and(i16x8.shl(hb, 3), bit4)), d2, m2);
}

export function Q5_K(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 176, dst += 1024) {
    const dm = load<u32>(src);
    const d = f32x4.splat(f16(dm & 0xffff, 0));
    const dmin = f32x4.splat(-f16(dm >> 16, 0));
    const ha = v128.load(src, 16);
    const hb = v128.load(src, 32);
    let s = f32x4.mul(d, scalesLow(src + 4));
    let m = f32x4.mul(dmin, minsLow(src + 4));
    storeFiveBits(dst, src + 48, ha, hb, lane(s, 0), lane(m, 0), lane(s, 1), lane(m, 1));
    storeFiveBits(
      dst + 256,
      src + 80,
      i16x8.shr_u(ha, 2),
      i16x8.shr_u(hb, 2),
      lane(s, 2),
      lane(m, 2),
      lane(s, 3),
      lane(m, 3),
    );
    s = f32x4.mul(d, scalesHigh(src + 4));
    m = f32x4.mul(dmin, minsHigh(src + 4));
    storeFiveBits(
      dst + 512,
      src + 112,
      i16x8.shr_u(ha, 4),
      i16x8.shr_u(hb, 4),
      lane(s, 0),
      lane(m, 0),
      lane(s, 1),
      lane(m, 1),
    );
    storeFiveBits(
      dst + 768,
      src + 144,
      i16x8.shr_u(ha, 6),
      i16x8.shr_u(hb, 6),
      lane(s, 2),
      lane(m, 2),
      lane(s, 3),
      lane(m, 3),
    );
  }
}

/** Sixteen elements of Q6_K: `low` has its four bits at 5…2, `high` its two at 7 6, so that (q − 32) × 4 fills the byte. */
function storeSixBits(dst: usize, low: v128, high: v128, scale: v128): void {
  const q = v128.or(v128.and(low, i8x16.splat(0x3c)), v128.and(high, i8x16.splat(-64)));
  storeSigned(dst, v128.xor(q, i8x16.splat(-128)), scale);
}

/** One half (16 of 32 columns) of 128 elements: four sub-blocks, 32 elements apart. `s` holds their scales. */
function storeQ6Columns(dst: usize, ql: usize, qh: usize, s: v128): void {
  const a = v128.load(ql);
  const b = v128.load(ql, 32);
  const h = v128.load(qh);
  storeSixBits(dst, i16x8.shl(a, 2), i16x8.shl(h, 6), lane(s, 0));
  storeSixBits(dst + 128, i16x8.shl(b, 2), i16x8.shl(h, 4), lane(s, 1));
  storeSixBits(dst + 256, i16x8.shr_u(a, 2), i16x8.shl(h, 2), lane(s, 2));
  storeSixBits(dst + 384, i16x8.shr_u(b, 2), h, lane(s, 3));
}

/** Four signed bytes of `bytes` that `pick` moves to the top of their lanes, × d. */
function signedScales(bytes: v128, pick: v128, d: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i8x16.swizzle(bytes, pick)), d);
}

export function Q6_K(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 210, dst += 1024) {
    // Twice TOP_BYTE: for the scales and for the codes; −2 for the codes' place in their byte.
    const d = f32x4.splat(loadF16(src + 208, 2 * TOP_BYTE - 2));
    const sc = v128.load(src, 192);
    const first = i8x16(-1, -1, -1, 0, -1, -1, -1, 2, -1, -1, -1, 4, -1, -1, -1, 6);
    const second = i8x16(-1, -1, -1, 1, -1, -1, -1, 3, -1, -1, -1, 5, -1, -1, -1, 7);
    const third = i8x16(-1, -1, -1, 8, -1, -1, -1, 10, -1, -1, -1, 12, -1, -1, -1, 14);
    const fourth = i8x16(-1, -1, -1, 9, -1, -1, -1, 11, -1, -1, -1, 13, -1, -1, -1, 15);
    storeQ6Columns(dst, src, src + 128, signedScales(sc, first, d));
    storeQ6Columns(dst + 64, src + 16, src + 144, signedScales(sc, second, d));
    storeQ6Columns(dst + 512, src + 64, src + 160, signedScales(sc, third, d));
    storeQ6Columns(dst + 576, src + 80, src + 176, signedScales(sc, fourth, d));
  }
}
