/**
 * I-quants of one bit; layouts in src/shared/quant/i-quants-1.ts. A code is 8 × grid ± 1, where the format says grid ± 1/8;
 * the scale makes up for it.
 */
import { oddScale, pair } from './codebook';
import { f16, loadF16 } from './f16';
import { storeSigned, TOP_BYTE } from './lanes';
import { IQ1S_GRID_TIMES_8 } from './tables';

export function IQ1_S(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 50) {
    const d = loadF16(src, TOP_BYTE - 3);
    for (let i: usize = 0; i < 8; i++, dst += 128) {
      const index = load<u32>(src + 4 * i, 2);
      const qh = load<u16>(src + 2 * i, 34) as u32;
      const dl = oddScale(d, (qh >> 12) & 7);
      const delta = i8x16.splat((1 - ((qh >> 14) & 2)) as i8);
      const a = (index & 255) | ((qh << 8) & 0x700);
      const b = ((index >> 8) & 255) | ((qh << 5) & 0x700);
      const c = ((index >> 16) & 255) | ((qh << 2) & 0x700);
      const e = (index >> 24) | ((qh >> 1) & 0x700);
      storeSigned(dst, i8x16.add(pair(IQ1S_GRID_TIMES_8, a, b), delta), dl);
      storeSigned(dst + 64, i8x16.add(pair(IQ1S_GRID_TIMES_8, c, e), delta), dl);
    }
  }
}

/** Sixteen elements of IQ1_M. `qh`: high bits of the first index in 2…0, its delta's sign in 3, the second's above. */
function storeTwoDeltas(dst: usize, index: u32, qh: u32, dl: v128): void {
  const grid = pair(IQ1S_GRID_TIMES_8, (index & 255) | ((qh << 8) & 0x700), ((index >> 8) & 255) | ((qh << 4) & 0x700));
  // ±1 in every byte: bit 3 serves the first eight bytes, bit 7 the second.
  const bits = i64x2(0x0808080808080808, 0x8080808080808080);
  const negative = i8x16.eq(v128.and(i8x16.splat(qh as i8), bits), bits);
  storeSigned(dst, i8x16.add(grid, v128.or(negative, i8x16.splat(1))), dl);
}

export function IQ1_M(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 56) {
    // The f16 scale is spread over the high nibbles of the four words of scales.
    const first = load<u32>(src, 48);
    const second = load<u32>(src, 52);
    const bits = ((first >> 12) & 0xf) | ((first >> 24) & 0xf0) | ((second >> 4) & 0xf00) | ((second >> 16) & 0xf000);
    const d = f16(bits, TOP_BYTE - 3);
    for (let i: usize = 0; i < 8; i++, dst += 128) {
      const scales = (load<u16>(src + (i & 6), 48) as u32) >> (((i & 1) as u32) * 6);
      const index = load<u32>(src + 4 * i);
      const qh = load<u16>(src + 2 * i, 32) as u32;
      storeTwoDeltas(dst, index, qh & 255, oddScale(d, scales & 7));
      storeTwoDeltas(dst + 64, index >> 16, qh >> 8, oddScale(d, (scales >> 3) & 7));
    }
  }
}
