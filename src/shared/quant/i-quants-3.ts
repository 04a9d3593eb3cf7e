/**
 * I-quants of three bits: a codebook gives four magnitudes at a time, signs are stored apart. Source: `block_iq3_xxs`,
 * `block_iq3_s` in ggml-common.h and `dequantize_row_*` in ggml-quants.c of llama.cpp v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: d has 11 bits, 2 × scale + 1 has 5, a magnitude at most 6. Their product fits 22
 * bits and is exact in f32.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, word32 } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { EVEN_SIGNS, IQ3S, IQ3XXS, SIGNS } from './i-quants-tables';
import { blockStruct, layoutOf } from './layout';

const QK_K = 256;
const GROUPS = QK_K / 8;

const iq3xxs = blockStruct({ d: 2, qs: QK_K / 4, scales_and_signs: QK_K / 8 }, 98);
const iq3s = blockStruct({ d: 2, qs: QK_K / 4, qh: QK_K / 32, signs: QK_K / 8, scales: QK_K / 64 }, 110);

/** Eight elements: two codebook entries at `g1` and `g2`, eight signs at `s`. */
function decodeGroup(
  scale: number,
  grid: Int8Array,
  g1: number,
  g2: number,
  s: number,
  dst: Float32Array,
  o: number,
): void {
  const sign = SIGNS;
  for (let j = 0; j < 4; j++) {
    dst[o + j] = scale * grid[g1 + j]! * sign[s + j]!;
    dst[o + 4 + j] = scale * grid[g2 + j]! * sign[s + 4 + j]!;
  }
}

/*
 * IQ3_XXS, 98 bytes: x = (d × (scale + ½) × ½) × grid × sign, eight sub-blocks of 32
 *
 *   byte 0 1         d, f16
 *   byte 2+i         codebook entry of elements 4i … 4i + 3                         (i = 0 … 63)
 *   byte 66+4s…+3    32 bits, low byte first, of sub-block s                        (s = 0 … 7, l = 0 … 3)
 *                    bits 31…28       scale
 *                    bits 7l+6 … 7l   signs of elements 32s + 8l … + 6, the eighth making their number even
 */
const dequantizeIQ3_XXS: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ3XXS;
  const even = EVEN_SIGNS;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 98) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let s = 0, q = p + 2; s < 8; s++) {
      const word = word32(src, p + 66 + 4 * s);
      const scale = d * (0.5 + (word >>> 28)) * 0.5;
      for (let l = 0; l < 4; l++, q += 2, o += 8) {
        const signs = even[(word >>> (7 * l)) & 127]!;
        decodeGroup(scale, grid, src[q]! * 4, src[q + 1]! * 4, signs * 8, dst, o);
      }
    }
  }
};

/*
 * IQ3_S, 110 bytes: x = (d × (2 × scale + 1)) × grid × sign, eight sub-blocks of 32
 *
 *   byte 0 1      d, f16
 *   byte 2+i      low bits of the codebook entry of elements 4i … 4i + 3          (i = 0 … 63)
 *   byte 66+s     bit k is bit 8 of the entry i = 8s + k                          (s = 0 … 7, k = 0 … 7)
 *   byte 74+g     bit j set: element 8g + j is negative                           (g = 0 … 31)
 *   byte 106+i    bits 7…4  scale of sub-block 2i + 1                             (i = 0 … 3)
 *                 bits 3…0  scale of sub-block 2i
 */
const dequantizeIQ3_S: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ3S;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 110) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let s = 0, q = p + 2, g = p + 74; s < 8; s++) {
      const scale = d * (1 + 2 * ((src[p + 106 + (s >> 1)]! >> (4 * (s & 1))) & 15));
      const high = src[p + 66 + s]!;
      for (let l = 0; l < 4; l++, q += 2, g++, o += 8) {
        const entry1 = src[q]! | ((high << (8 - 2 * l)) & 256);
        const entry2 = src[q + 1]! | ((high << (7 - 2 * l)) & 256);
        decodeGroup(scale, grid, entry1 * 4, entry2 * 4, src[g]! * 8, dst, o);
      }
    }
  }
};

/** `scales` are the stored 4 bits, `signs` ±1 by element; both come from the same 32 bytes. */
export const IQ3_XXS: SupportedFormat = {
  ...layoutOf('IQ3_XXS', 'i-quants', QK_K, iq3xxs),
  status: 'supported',
  dequantize: dequantizeIQ3_XXS,
  fields: (block) => {
    const { d, qs, scales_and_signs } = iq3xxs.offset;
    const { size } = iq3xxs;
    const words = listOf(8, (s) => word32(block, scales_and_signs + 4 * s));
    const sign = (e: number): number =>
      SIGNS[EVEN_SIGNS[(words[e >> 5]! >>> (7 * ((e >> 3) & 3))) & 127]! * 8 + (e & 7)]!;
    return [
      halfField(block, 'd', d),
      field('qs', qs, size.qs, Array.from(block.subarray(qs, qs + size.qs))),
      field(
        'scales',
        scales_and_signs,
        size.scales_and_signs,
        words.map((word) => word >>> 28),
      ),
      field('signs', scales_and_signs, size.scales_and_signs, listOf(QK_K, sign)),
    ];
  },
};

/** `scales` are the stored 4 bits, `signs` ±1 by element; `qh` holds bit 8 of each entry in `qs`. */
export const IQ3_S: SupportedFormat = {
  ...layoutOf('IQ3_S', 'i-quants', QK_K, iq3s),
  status: 'supported',
  dequantize: dequantizeIQ3_S,
  fields: (block) => {
    const { d, qs, qh, signs, scales } = iq3s.offset;
    const { size } = iq3s;
    const high = (i: number): number => (block[qh + (i >> 3)]! >> (i & 7)) & 1;
    const sign = (e: number): number => SIGNS[block[signs + (e >> 3)]! * 8 + (e & 7)]!;
    const scale = (s: number): number => (block[scales + (s >> 1)]! >> (4 * (s & 1))) & 15;
    return [
      halfField(block, 'd', d),
      field('qs', qs, size.qs, Array.from(block.subarray(qs, qs + size.qs))),
      field('qh', qh, size.qh, listOf(2 * GROUPS, high)),
      field('signs', signs, size.signs, listOf(QK_K, sign)),
      field('scales', scales, size.scales, listOf(8, scale)),
    ];
  },
};
