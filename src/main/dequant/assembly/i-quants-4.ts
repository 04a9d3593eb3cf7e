/** I-quants of four bits; layouts in src/shared/quant/i-quants-4.ts. */
import { loadF16 } from './f16';
import { storeSigned, TOP_BYTE } from './lanes';

/** The codebook of IQ4_NL and IQ4_XS fits one register: a swizzle is the look-up. */
function nonLinear(codes: v128): v128 {
  return i8x16.swizzle(i8x16(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113), codes);
}

export function IQ4_NL(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 18, dst += 128) {
    const d = f32x4.splat(loadF16(src, TOP_BYTE));
    const q = v128.load(src, 2);
    storeSigned(dst, nonLinear(v128.and(q, i8x16.splat(15))), d);
    storeSigned(dst + 64, nonLinear(i8x16.shr_u(q, 4)), d);
  }
}

export function IQ4_XS(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 136) {
    const d = loadF16(src, TOP_BYTE);
    let low = load<u32>(src, 4);
    let high = load<u16>(src, 2) as u32;
    for (let i: usize = 0; i < 8; i++, dst += 128, low >>= 4, high >>= 2) {
      const scale: i32 = ((low & 15) | ((high & 3) << 4)) - 32;
      const dl = f32x4.splat(d * (scale as f32));
      const q = v128.load(src + 16 * i, 8);
      storeSigned(dst, nonLinear(v128.and(q, i8x16.splat(15))), dl);
      storeSigned(dst + 64, nonLinear(i8x16.shr_u(q, 4)), dl);
    }
  }
}
