/** Codes −1, 0, 1; layouts in src/shared/quant/ternary.ts. */
import { loadF16 } from './f16';
import { storeSigned, TOP_BYTE } from './lanes';

function triple(q: v128): v128 {
  return i8x16.add(i8x16.add(q, q), q);
}

/** ⌊3 q / 256⌋ − 1, q unsigned: 86 and 171 are the least q that reach 1 and 2. The comparisons give −1 where true. */
function leadingDigit(q: v128): v128 {
  const one = i8x16.ge_u(q, i8x16.splat(86));
  const two = i8x16.ge_u(q, i8x16.splat(-85));
  return i8x16.sub(i8x16.sub(i8x16.splat(-1), one), two);
}

/** Five digits of sixteen bytes, `step` bytes of output apart. Each digit is read off the top, the next one moved up. */
function storeFiveDigits(dst: usize, q: v128, step: usize, d: v128): void {
  for (let n = 0; n < 5; n++, dst += step) {
    storeSigned(dst, leadingDigit(q), d);
    q = triple(q);
  }
}

export function TQ1_0(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 54, dst += 1024) {
    const d = f32x4.splat(loadF16(src + 52, TOP_BYTE));
    storeFiveDigits(dst, v128.load(src), 128, d);
    storeFiveDigits(dst + 64, v128.load(src, 16), 128, d);
    storeFiveDigits(dst + 640, v128.load(src, 32), 64, d);
    // The last four bytes hold four digits each: lane n of q holds digit n.
    const q0 = v128.load32_splat(src, 48);
    const q1 = triple(q0);
    const q2 = triple(q1);
    const q01 = v128.shuffle<u32>(q0, q1, 0, 4, 0, 4);
    const q23 = v128.shuffle<u32>(q2, triple(q2), 0, 4, 0, 4);
    storeSigned(dst + 960, leadingDigit(v128.shuffle<u32>(q01, q23, 0, 1, 4, 5)), d);
  }
}

function lowTwoBits(q: v128): v128 {
  return i8x16.sub(v128.and(q, i8x16.splat(3)), i8x16.splat(1));
}

/** Four codes of sixteen bytes, 32 elements apart. */
function storeFourCodes(dst: usize, q: v128, d: v128): void {
  storeSigned(dst, lowTwoBits(q), d);
  storeSigned(dst + 128, lowTwoBits(i16x8.shr_u(q, 2)), d);
  storeSigned(dst + 256, lowTwoBits(i16x8.shr_u(q, 4)), d);
  storeSigned(dst + 384, lowTwoBits(i16x8.shr_u(q, 6)), d);
}

export function TQ2_0(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 66, dst += 1024) {
    const d = f32x4.splat(loadF16(src + 64, TOP_BYTE));
    storeFourCodes(dst, v128.load(src), d);
    storeFourCodes(dst + 64, v128.load(src, 16), d);
    storeFourCodes(dst + 512, v128.load(src, 32), d);
    storeFourCodes(dst + 576, v128.load(src, 48), d);
  }
}
