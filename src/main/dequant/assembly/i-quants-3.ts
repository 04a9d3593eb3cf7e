/** I-quants of three bits; layouts in src/shared/quant/i-quants-3.ts. */
import { halfScale, negate, oddScale, pair, quad } from './codebook';
import { loadF16 } from './f16';
import { spreadBits, storeSigned, TOP_BYTE } from './lanes';
import { IQ3S_GRID, IQ3XXS_GRID, KSIGNS } from './tables';

/** Four grid entries of IQ3_XXS, one byte of index each. */
function quad3(index: u32): v128 {
  return quad(IQ3XXS_GRID, index & 255, (index >> 8) & 255, (index >> 16) & 255, index >> 24);
}

export function IQ3_XXS(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 98) {
    const d = loadF16(src, TOP_BYTE - 1);
    for (let i: usize = 0; i < 8; i++, dst += 128) {
      const q = src + 8 * i;
      const rest = load<u32>(src + 4 * i, 66);
      const db = halfScale(d, rest >> 28);
      storeSigned(dst, negate(quad3(load<u32>(q, 2)), pair(KSIGNS, rest & 127, (rest >> 7) & 127)), db);
      const signs = pair(KSIGNS, (rest >> 14) & 127, (rest >> 21) & 127);
      storeSigned(dst + 64, negate(quad3(load<u32>(q, 6)), signs), db);
    }
  }
}

/** Four grid entries of IQ3_S; bits 0 … 3 of `high` are the ninth bits of the four indices. */
function quad3s(index: u32, high: u32): v128 {
  return quad(
    IQ3S_GRID,
    (index & 255) | ((high << 8) & 256),
    ((index >> 8) & 255) | ((high << 7) & 256),
    ((index >> 16) & 255) | ((high << 6) & 256),
    (index >> 24) | ((high << 5) & 256),
  );
}

export function IQ3_S(src: usize, blocks: i32, dst: usize): void {
  for (; blocks > 0; blocks--, src += 110) {
    const d = loadF16(src, TOP_BYTE);
    for (let i: usize = 0; i < 8; i++, dst += 128) {
      const scales = load<u8>(src + (i >> 1), 106) as u32;
      const db = oddScale(d, (scales >> (((i & 1) as u32) << 2)) & 15);
      const q = src + 8 * i;
      const high = load<u8>(src + i, 66) as u32;
      const signs = load<u32>(src + 4 * i, 74);
      storeSigned(dst, negate(quad3s(load<u32>(q, 2), high), spreadBits(signs)), db);
      storeSigned(dst + 64, negate(quad3s(load<u32>(q, 6), high >> 4), spreadBits(signs >> 16)), db);
    }
  }
}
