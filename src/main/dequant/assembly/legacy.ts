/** Blocks of 32 elements (Q2_0: 64, Q1_0: 128) with one f16 scale; layouts in src/shared/quant/legacy.ts. */
import { f16, loadF16 } from './f16';
import { spreadBits, storeAffine, storeSigned, TOP_BYTE } from './lanes';

/** q − 8 as a signed nibble is q with its high bit flipped; it stays in the high half of its byte, 16 times too large. */
const SIGNED_NIBBLE: i32 = TOP_BYTE - 4;

/** Codes −1 and 1, one bit each. */
export function Q1_0(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 18, dst += 512) {
    const d = f32x4.splat(loadF16(src, TOP_BYTE));
    for (let i: usize = 0; i < 8; i++) {
      const set = spreadBits(load<u16>(src + 2 * i, 2) as u32);
      storeSigned(dst + 64 * i, v128.or(v128.not(set), i8x16.splat(1)), d);
    }
  }
}

/** Two-bit codes, four to a byte: each stays where it is, 4^lane times too large, and its lane's scale undoes that. */
export function Q2_0(src: usize, blocks: i32, dst: usize): void {
  const mask = i32x4(3, 12, 48, 192);
  const one = i32x4(1, 4, 16, 64);
  for (; blocks > 0; blocks--, src += 18, dst += 256) {
    const d = f32x4.mul(f32x4.splat(loadF16(src, 0)), f32x4(1, 0.25, 0.0625, 0.015625));
    for (let i: usize = 0; i < 16; i++) {
      const q = i32x4.sub(v128.and(v128.load8_splat(src + i, 2), mask), one);
      v128.store(dst + 16 * i, f32x4.mul(f32x4.convert_i32x4_s(q), d));
    }
  }
}

export function Q4_0(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 18, dst += 128) {
    const d = f32x4.splat(loadF16(src, SIGNED_NIBBLE));
    const q = v128.xor(v128.load(src, 2), i8x16.splat(-0x78));
    storeSigned(dst, v128.and(i16x8.shl(q, 4), i8x16.splat(-16)), d);
    storeSigned(dst + 64, v128.and(q, i8x16.splat(-16)), d);
  }
}

export function Q4_1(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 20, dst += 128) {
    const dm = load<u32>(src);
    const d = f32x4.splat(f16(dm & 0xffff, 0));
    const m = f32x4.splat(f16(dm >> 16, 0));
    const q = v128.load(src, 4);
    storeAffine(dst, v128.and(q, i8x16.splat(15)), d, m);
    storeAffine(dst + 64, i8x16.shr_u(q, 4), d, m);
  }
}

export function Q5_0(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 22, dst += 128) {
    const d = f32x4.splat(loadF16(src, TOP_BYTE));
    const qh = load<u32>(src, 2);
    const q = v128.load(src, 6);
    // q − 16 in two's complement: the nibble, and ones above it where the high bit is not set.
    const low = v128.and(q, i8x16.splat(15));
    const high = i8x16.shr_u(q, 4);
    storeSigned(dst, v128.or(low, v128.andnot(i8x16.splat(-16), spreadBits(qh))), d);
    storeSigned(dst + 64, v128.or(high, v128.andnot(i8x16.splat(-16), spreadBits(qh >> 16))), d);
  }
}

export function Q5_1(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 24, dst += 128) {
    const dm = load<u32>(src);
    const d = f32x4.splat(f16(dm & 0xffff, 0));
    const m = f32x4.splat(f16(dm >> 16, 0));
    const qh = load<u32>(src, 4);
    const q = v128.load(src, 8);
    const low = v128.and(q, i8x16.splat(15));
    const high = i8x16.shr_u(q, 4);
    storeAffine(dst, v128.or(low, v128.and(i8x16.splat(16), spreadBits(qh))), d, m);
    storeAffine(dst + 64, v128.or(high, v128.and(i8x16.splat(16), spreadBits(qh >> 16))), d, m);
  }
}

export function Q8_0(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 34, dst += 128) {
    const d = f32x4.splat(loadF16(src, TOP_BYTE));
    storeSigned(dst, v128.load(src, 2), d);
    storeSigned(dst + 64, v128.load(src, 18), d);
  }
}
