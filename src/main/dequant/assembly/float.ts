/** Plain floats, one element per block; layouts in src/shared/quant/float.ts. But for F64, bits are moved, so NaN payloads survive. */
import { f16 } from './f16';

/** Rounded once, as C converts it. */
export function F64(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 8, dst += 4) store<f32>(dst, load<f64>(src) as f32);
}

export function F32(src: usize, blocks: i32, dst: usize): void {
  memory.copy(dst, src, (blocks as usize) << 2);
}

/** Four f16 in the low halves of their lanes, on integers as in f16.ts. */
function halves(h: v128): v128 {
  const magnitude = v128.and(h, i32x4.splat(0x7fff));
  const sign = i32x4.shl(v128.xor(h, magnitude), 16);
  const normal = i32x4.add(i32x4.shl(magnitude, 13), i32x4.splat(112 << 23));
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(reinterpret<f32>((127 - 24) << 23)));
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400)));
  // Infinity and NaN: the exponent once more by 112 is all ones; a NaN becomes quiet.
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  const quiet = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7c00)), i32x4.splat(0x400000));
  return v128.or(v128.or(finite, sign), v128.or(special, quiet));
}

export function F16(src: usize, blocks: i32, dst: usize): void {
  for (; blocks >= 8; blocks -= 8, src += 16, dst += 32) {
    const h = v128.load(src);
    v128.store(dst, halves(i32x4.extend_low_i16x8_u(h)));
    v128.store(dst, halves(i32x4.extend_high_i16x8_u(h)), 16);
  }
  for (; blocks > 0; blocks--, src += 2, dst += 4) store<f32>(dst, f16(load<u16>(src) as u32, 0));
}

/** Interleaving with zero bytes below moves a half to the top of its lane. */
export function BF16(src: usize, blocks: i32, dst: usize): void {
  const zero = i32x4.splat(0);
  for (; blocks >= 8; blocks -= 8, src += 16, dst += 32) {
    const h = v128.load(src);
    v128.store(dst, v128.shuffle<u16>(zero, h, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(dst, v128.shuffle<u16>(zero, h, 4, 12, 5, 13, 6, 14, 7, 15), 16);
  }
  for (; blocks > 0; blocks--, src += 2, dst += 4) store<u32>(dst, (load<u16>(src) as u32) << 16);
}
