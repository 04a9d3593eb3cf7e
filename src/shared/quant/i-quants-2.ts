/**
 * I-quants of two bits: a codebook gives eight magnitudes at a time, signs are stored apart. Source: `block_iq2_xxs`,
 * `block_iq2_xs`, `block_iq2_s` in ggml-common.h and `dequantize_row_*` in ggml-quants.c of llama.cpp v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: d has 11 bits, 2 × scale + 1 has 5, a magnitude 6. Their product fits 22 bits and
 * is exact in f32; halves and quarters change only its exponent.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, word16, word32 } from './block-fields';
import type { BlockField, DequantizeBlocks, SupportedFormat } from './format';
import { EVEN_SIGNS, IQ2S, IQ2XS, IQ2XXS, SIGNS } from './i-quants-tables';
import { blockStruct, layoutOf } from './layout';

const QK_K = 256;
const GROUPS = QK_K / 8;

const iq2xxs = blockStruct({ d: 2, qs: QK_K / 4 }, 66);
const iq2xs = blockStruct({ d: 2, qs: QK_K / 4, scales: QK_K / 32 }, 74);
const iq2s = blockStruct({ d: 2, qs: QK_K / 8, signs: QK_K / 8, qh: QK_K / 32, scales: QK_K / 32 }, 82);

/** Eight elements: the codebook entry at `g`, eight signs at `s`. */
function decodeGroup(scale: number, grid: Int8Array, g: number, s: number, dst: Float32Array, o: number): void {
  const sign = SIGNS;
  for (let j = 0; j < 8; j++) dst[o + j] = scale * grid[g + j]! * sign[s + j]!;
}

/*
 * IQ2_XXS, 66 bytes: x = (d × (scale + ½) × ¼) × grid × sign, eight sub-blocks of 32
 *
 *   byte 0 1         d, f16
 *   byte 2+8s+l      codebook entry of elements 32s + 8l … + 7                      (s = 0 … 7, l = 0 … 3)
 *   byte 6+8s…+3     32 bits, low byte first, of sub-block s
 *                    bits 31…28       scale
 *                    bits 7l+6 … 7l   signs of elements 32s + 8l … + 6, the eighth making their number even
 */
const dequantizeIQ2_XXS: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ2XXS;
  const even = EVEN_SIGNS;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 66) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let s = 0, q = p + 2; s < 8; s++, q += 8) {
      const word = word32(src, q + 4);
      const scale = d * (0.5 + (word >>> 28)) * 0.25;
      for (let l = 0; l < 4; l++, o += 8) {
        decodeGroup(scale, grid, src[q + l]! * 8, even[(word >>> (7 * l)) & 127]! * 8, dst, o);
      }
    }
  }
};

/** The two scales of a sub-block of 32: four bits for each half of 16, the low nibble first. */
function nibbleScale(byte: number, half: number): number {
  return (byte >> (4 * half)) & 15;
}

/*
 * IQ2_XS, 74 bytes: x = (d × (scale + ½) × ¼) × grid × sign, sixteen sub-blocks of 16
 *
 *   byte 0 1         d, f16
 *   byte 2+2g…+1     16 bits, low byte first, of elements 8g … 8g + 7               (g = 0 … 31)
 *                    bits 15…9   signs of the first seven, the eighth making their number even
 *                    bits 8…0    codebook entry
 *   byte 66+i        bits 7…4  scale of elements 32i + 16 … 32i + 31                (i = 0 … 7)
 *                    bits 3…0  scale of elements 32i … 32i + 15
 */
const dequantizeIQ2_XS: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ2XS;
  const even = EVEN_SIGNS;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 74) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let g = 0, q = p + 2; g < GROUPS; g++, q += 2, o += 8) {
      const scale = d * (0.5 + nibbleScale(src[p + 66 + (g >> 2)]!, (g >> 1) & 1)) * 0.25;
      const word = src[q]! | (src[q + 1]! << 8);
      decodeGroup(scale, grid, (word & 511) * 8, even[word >> 9]! * 8, dst, o);
    }
  }
};

/*
 * IQ2_S, 82 bytes: x = (d × (scale + ½) × ¼) × grid × sign, sixteen sub-blocks of 16
 *
 *   byte 0 1     d, f16
 *   byte 2+g     low bits of the codebook entry of elements 8g … 8g + 7             (g = 0 … 31)
 *   byte 34+g    bit j set: element 8g + j is negative
 *   byte 66+i    bits 7 6 | 5 4 | 3 2 | 1 0: bits 9 8 of the entries g = 4i + 3 | 2 | 1 | 0     (i = 0 … 7)
 *   byte 74+i    bits 7…4  scale of elements 32i + 16 … 32i + 31
 *                bits 3…0  scale of elements 32i … 32i + 15
 */
const dequantizeIQ2_S: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ2S;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 82) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let g = 0; g < GROUPS; g++, o += 8) {
      const scale = d * (0.5 + nibbleScale(src[p + 74 + (g >> 2)]!, (g >> 1) & 1)) * 0.25;
      const entry = src[p + 2 + g]! | (((src[p + 66 + (g >> 2)]! >> (2 * (g & 3))) & 3) << 8);
      decodeGroup(scale, grid, entry * 8, src[p + 34 + g]! * 8, dst, o);
    }
  }
};

/** The stored 4 bits of sixteen scales. */
function scalesField(block: Uint8Array, offset: number): BlockField {
  return field(
    'scales',
    offset,
    8,
    listOf(16, (s) => nibbleScale(block[offset + (s >> 1)]!, s & 1)),
  );
}

/** Signs ±1 of all elements; `signs` gives the byte of group g. */
function signsField(offset: number, length: number, signs: (g: number) => number): BlockField {
  return field(
    'signs',
    offset,
    length,
    listOf(QK_K, (e) => SIGNS[signs(e >> 3) * 8 + (e & 7)]!),
  );
}

/** Codebook entries take turns of four bytes with signs and scales (the stored 4 bits) in the 64 bytes `qs`. */
export const IQ2_XXS: SupportedFormat = {
  ...layoutOf('IQ2_XXS', 'i-quants', QK_K, iq2xxs),
  status: 'supported',
  dequantize: dequantizeIQ2_XXS,
  fields: (block) => {
    const { d, qs } = iq2xxs.offset;
    const bytes = iq2xxs.size.qs;
    const words = listOf(8, (s) => word32(block, qs + 8 * s + 4));
    return [
      halfField(block, 'd', d),
      field(
        'grid',
        qs,
        bytes,
        listOf(GROUPS, (g) => block[qs + 8 * (g >> 2) + (g & 3)]!),
      ),
      signsField(qs, bytes, (g) => EVEN_SIGNS[(words[g >> 2]! >>> (7 * (g & 3))) & 127]!),
      field(
        'scales',
        qs,
        bytes,
        words.map((word) => word >>> 28),
      ),
    ];
  },
};

/** Codebook entries and signs share the words `qs`. `scales` are the stored 4 bits. */
export const IQ2_XS: SupportedFormat = {
  ...layoutOf('IQ2_XS', 'i-quants', QK_K, iq2xs),
  status: 'supported',
  dequantize: dequantizeIQ2_XS,
  fields: (block) => {
    const { d, qs, scales } = iq2xs.offset;
    const bytes = iq2xs.size.qs;
    const words = listOf(GROUPS, (g) => word16(block, qs + 2 * g));
    return [
      halfField(block, 'd', d),
      field(
        'grid',
        qs,
        bytes,
        words.map((word) => word & 511),
      ),
      signsField(qs, bytes, (g) => EVEN_SIGNS[words[g]! >> 9]!),
      scalesField(block, scales),
    ];
  },
};

/** `qs` and `qh` hold bits 7…0 and 9 8 of the codebook entries. `scales` are the stored 4 bits. */
export const IQ2_S: SupportedFormat = {
  ...layoutOf('IQ2_S', 'i-quants', QK_K, iq2s),
  status: 'supported',
  dequantize: dequantizeIQ2_S,
  fields: (block) => {
    const { d, qs, signs, qh, scales } = iq2s.offset;
    const { size } = iq2s;
    const high = (g: number): number => (block[qh + (g >> 2)]! >> (2 * (g & 3))) & 3;
    return [
      halfField(block, 'd', d),
      field('qs', qs, size.qs, Array.from(block.subarray(qs, qs + size.qs))),
      signsField(signs, size.signs, (g) => block[signs + g]!),
      field('qh', qh, size.qh, listOf(GROUPS, high)),
      scalesField(block, scales),
    ];
  },
};
