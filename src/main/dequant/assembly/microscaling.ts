/** Four-bit floats with shared scales; layouts in src/shared/quant/microscaling.ts. */
import { lane, storeExact, storeSigned } from './lanes';

/** Twice the value of each E2M1 code. */
function doubledE2M1(codes: v128): v128 {
  return i8x16.swizzle(i8x16(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12), codes);
}

/** Half of 2^(e − 127), subnormal for e < 2, so not to be scaled further. */
function halfE8M0(e: u32): f32 {
  return reinterpret<f32>(e < 2 ? (0x00200000 as u32) << e : (e - 1) << 23);
}

export function MXFP4(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 17, dst += 128) {
    const d = f32x4.splat(halfE8M0(load<u8>(src) as u32));
    const q = v128.load(src, 1);
    storeExact(dst, doubledE2M1(v128.and(q, i8x16.splat(15))), d);
    storeExact(dst + 64, doubledE2M1(i8x16.shr_u(q, 4)), d);
  }
}

/**
 * Half of each of four UE4M3 scales (`eeee mmm`, bias 7; the top bit is ignored, 0x7f is 0), times 2⁻²⁴ for codes in the
 * top byte of their lanes.
 */
function halfUE4M3(bytes: u32): v128 {
  const x = i8x16.swizzle(i32x4.splat(bytes), i8x16(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, 3, -1, -1, -1));
  const magnitude = v128.and(x, i32x4.splat(0x7f));
  const normal = i32x4.add(i32x4.shl(magnitude, 20), i32x4.splat((127 - 7 - 1 - 24) << 23));
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(reinterpret<f32>((127 - 10 - 24) << 23)));
  const value = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(8)));
  return v128.andnot(value, i32x4.eq(x, i32x4.splat(0x7f)));
}

/** Two sub-blocks: eight code bytes each, low nibbles first. */
function storeSubBlocks(dst: usize, q: v128, d1: v128, d2: v128): void {
  const low = doubledE2M1(v128.and(q, i8x16.splat(15)));
  const high = doubledE2M1(i8x16.shr_u(q, 4));
  storeSigned(dst, v128.shuffle<u64>(low, high, 0, 2), d1);
  storeSigned(dst + 64, v128.shuffle<u64>(low, high, 1, 3), d2);
}

export function NVFP4(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 36, dst += 256) {
    const d = halfUE4M3(load<u32>(src));
    storeSubBlocks(dst, v128.load(src, 4), lane(d, 0), lane(d, 1));
    storeSubBlocks(dst + 128, v128.load(src, 20), lane(d, 2), lane(d, 3));
  }
}
