/** K-quants of two and three bits; layouts in src/shared/quant/k-quants-low.ts. */
import { f16, loadF16 } from './f16';
import { bytesToF32, lane, storeAffine, storeSigned, TOP_BYTE } from './lanes';

/** Four sub-blocks of Q2_K: sixteen code bytes `q`, two bits each; the sub-blocks of one `q` are 32 elements apart. */
function storeTwoBits(dst: usize, qs: usize, s0: v128, m0: v128, s1: v128, m1: v128): void {
  const a = v128.load(qs);
  const b = v128.load(qs, 16);
  const mask = i8x16.splat(3);
  storeAffine(dst, v128.and(a, mask), lane(s0, 0), lane(m0, 0));
  storeAffine(dst + 64, v128.and(b, mask), lane(s0, 1), lane(m0, 1));
  storeAffine(dst + 128, v128.and(i16x8.shr_u(a, 2), mask), lane(s0, 2), lane(m0, 2));
  storeAffine(dst + 192, v128.and(i16x8.shr_u(b, 2), mask), lane(s0, 3), lane(m0, 3));
  storeAffine(dst + 256, v128.and(i16x8.shr_u(a, 4), mask), lane(s1, 0), lane(m1, 0));
  storeAffine(dst + 320, v128.and(i16x8.shr_u(b, 4), mask), lane(s1, 1), lane(m1, 1));
  storeAffine(dst + 384, v128.and(i16x8.shr_u(a, 6), mask), lane(s1, 2), lane(m1, 2));
  storeAffine(dst + 448, v128.and(i16x8.shr_u(b, 6), mask), lane(s1, 3), lane(m1, 3));
}

export function Q2_K(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 84, dst += 1024) {
    const dm = load<u32>(src, 80);
    const d = f32x4.splat(f16(dm & 0xffff, 0));
    const dmin = f32x4.splat(-f16(dm >> 16, 0));
    for (let n: usize = 0; n < 2; n++) {
      // Eight bytes of this half: scale in bits 3…0, min in bits 7…4.
      const a = load<u32>(src + 8 * n);
      const b = load<u32>(src + 8 * n, 4);
      const s0 = f32x4.mul(d, bytesToF32(a & 0x0f0f0f0f));
      const s1 = f32x4.mul(d, bytesToF32(b & 0x0f0f0f0f));
      const m0 = f32x4.mul(dmin, bytesToF32((a >> 4) & 0x0f0f0f0f));
      const m1 = f32x4.mul(dmin, bytesToF32((b >> 4) & 0x0f0f0f0f));
      storeTwoBits(dst + 512 * n, src + 16 + 32 * n, s0, m0, s1, m1);
    }
  }
}

/** Sixteen elements of Q3_K: `low` has its two bits at 6 5, `high` its one at 7; flipped, (q − 4) × 32 fills the byte. */
function storeThreeBits(dst: usize, low: v128, high: v128, scale: v128): void {
  const q = v128.or(v128.and(low, i8x16.splat(0x60)), v128.and(high, i8x16.splat(-128)));
  storeSigned(dst, v128.xor(q, i8x16.splat(-128)), scale);
}

/** 128 elements of Q3_K; `ha` and `hb` have their high bits in bits 3…0. */
function storeQ3Half(dst: usize, qs: usize, ha: v128, hb: v128, s0: v128, s1: v128): void {
  const a = v128.load(qs);
  const b = v128.load(qs, 16);
  storeThreeBits(dst, i16x8.shl(a, 5), i16x8.shl(ha, 7), lane(s0, 0));
  storeThreeBits(dst + 64, i16x8.shl(b, 5), i16x8.shl(hb, 7), lane(s0, 1));
  storeThreeBits(dst + 128, i16x8.shl(a, 3), i16x8.shl(ha, 6), lane(s0, 2));
  storeThreeBits(dst + 192, i16x8.shl(b, 3), i16x8.shl(hb, 6), lane(s0, 3));
  storeThreeBits(dst + 256, i16x8.shl(a, 1), i16x8.shl(ha, 5), lane(s1, 0));
  storeThreeBits(dst + 320, i16x8.shl(b, 1), i16x8.shl(hb, 5), lane(s1, 1));
  storeThreeBits(dst + 384, i16x8.shr_u(a, 1), i16x8.shl(ha, 4), lane(s1, 2));
  storeThreeBits(dst + 448, i16x8.shr_u(b, 1), i16x8.shl(hb, 4), lane(s1, 3));
}

/** Four six-bit scales − 32, × d. `low` has the low nibbles in bits 3…0, `high` the high pairs in bits 5 4. */
function q3Scales(low: u32, high: u32, d: v128): v128 {
  const scales = bytesToF32((low & 0x0f0f0f0f) | (high & 0x30303030));
  return f32x4.mul(d, f32x4.sub(scales, f32x4.splat(32)));
}

export function Q3_K(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 110, dst += 1024) {
    const d = f32x4.splat(loadF16(src + 108, TOP_BYTE - 5));
    const ha = v128.load(src);
    const hb = v128.load(src, 16);
    const a = load<u32>(src, 96);
    const b = load<u32>(src, 100);
    const high = load<u32>(src, 104);
    storeQ3Half(dst, src + 32, ha, hb, q3Scales(a, high << 4, d), q3Scales(b, high << 2, d));
    const s2 = q3Scales(a >> 4, high, d);
    const s3 = q3Scales(b >> 4, high >> 2, d);
    storeQ3Half(dst + 512, src + 64, i16x8.shr_u(ha, 4), i16x8.shr_u(hb, 4), s2, s3);
  }
}
