/** I-quants of two bits; layouts in src/shared/quant/i-quants-2.ts. */
import { halfScale, negate, pair } from './codebook';
import { loadF16 } from './f16';
import { spreadBits, storeSigned, TOP_BYTE } from './lanes';
import { IQ2S_GRID, IQ2XS_GRID, IQ2XXS_GRID, KSIGNS } from './tables';

export function IQ2_XXS(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 66) {
    const d = loadF16(src, TOP_BYTE - 2);
    for (let q = src + 2, end = src + 66; q < end; q += 8, dst += 128) {
      const index = load<u32>(q);
      const rest = load<u32>(q, 4);
      const db = halfScale(d, rest >> 28);
      const g0 = pair(IQ2XXS_GRID, index & 255, (index >> 8) & 255);
      const g1 = pair(IQ2XXS_GRID, (index >> 16) & 255, index >> 24);
      storeSigned(dst, negate(g0, pair(KSIGNS, rest & 127, (rest >> 7) & 127)), db);
      storeSigned(dst + 64, negate(g1, pair(KSIGNS, (rest >> 14) & 127, (rest >> 21) & 127)), db);
    }
  }
}

/** Sixteen elements of IQ2_XS: two words of grid index (9 bits) and signs (7 bits). */
function storeIndexedSigns(dst: usize, words: u32, db: v128): void {
  const grid = pair(IQ2XS_GRID, words & 511, (words >> 16) & 511);
  storeSigned(dst, negate(grid, pair(KSIGNS, (words >> 9) & 127, words >> 25)), db);
}

export function IQ2_XS(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 74) {
    const d = loadF16(src, TOP_BYTE - 2);
    for (let i: usize = 0; i < 8; i++, dst += 128) {
      const scales = load<u8>(src + i, 66) as u32;
      const q = src + 8 * i;
      storeIndexedSigns(dst, load<u32>(q, 2), halfScale(d, scales & 15));
      storeIndexedSigns(dst + 64, load<u32>(q, 6), halfScale(d, scales >> 4));
    }
  }
}

export function IQ2_S(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 82) {
    const d = loadF16(src, TOP_BYTE - 2);
    for (let i: usize = 0; i < 8; i++, dst += 128) {
      const scales = load<u8>(src + i, 74) as u32;
      const index = load<u32>(src + 4 * i, 2);
      const signs = load<u32>(src + 4 * i, 34);
      const high = load<u8>(src + i, 66) as u32;
      const g0 = pair(IQ2S_GRID, (index & 255) | ((high << 8) & 768), ((index >> 8) & 255) | ((high << 6) & 768));
      const g1 = pair(IQ2S_GRID, ((index >> 16) & 255) | ((high << 4) & 768), (index >> 24) | ((high << 2) & 768));
      storeSigned(dst, negate(g0, spreadBits(signs)), halfScale(d, scales & 15));
      storeSigned(dst + 64, negate(g1, spreadBits(signs >> 16)), halfScale(d, scales >> 4));
    }
  }
}
