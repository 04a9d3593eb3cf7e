/** Blocks of activations; layouts in src/shared/quant/activation-blocks.ts. */
import { loadF16 } from './f16';
import { storeExact, storeSigned, TOP_BYTE } from './lanes';

/** The second f16, s = d × Σ q, serves dot products only. */
export function Q8_1(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 36, dst += 128) {
    const d = f32x4.splat(loadF16(src, TOP_BYTE));
    storeSigned(dst, v128.load(src, 4), d);
    storeSigned(dst + 64, v128.load(src, 20), d);
  }
}

/** Its scale is an f32 of any size; the sums behind the codes serve dot products only. */
export function Q8_K(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 292, dst += 1024) {
    const d = f32x4.splat(load<f32>(src));
    for (let i: usize = 0; i < 256; i += 16) storeExact(dst + 4 * i, v128.load(src + i, 4), d);
  }
}
