/** Plain integers, one element per block, converted to the nearest f32; layouts in src/shared/quant/integer.ts. */

export function I8(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 1, dst += 4) store<f32>(dst, load<i8>(src) as f32);
}

export function I16(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 2, dst += 4) store<f32>(dst, load<i16>(src) as f32);
}

export function I32(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 4, dst += 4) store<f32>(dst, load<i32>(src) as f32);
}

export function I64(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 8, dst += 4) store<f32>(dst, load<i64>(src) as f32);
}
