/**
 * I-quants of four bits: non-linear codes. Source: `block_iq4_nl`, `block_iq4_xs` in ggml-common.h and
 * `dequantize_row_*` in ggml-quants.c of llama.cpp v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: d has 11 bits, a scale −32 … 31 has 5 (32 is a power of two), a value 7. Their
 * product fits 24 bits and is exact in f32.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, word16 } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { IQ4_VALUES } from './i-quants-tables';
import { blockStruct, layoutOf } from './layout';

const QK = 32;
const QK_K = 256;

const iq4nl = blockStruct({ d: 2, qs: QK / 2 }, 18);
const iq4xs = blockStruct({ d: 2, scales_h: 2, scales_l: 4, qs: QK_K / 2 }, 136);

/*
 * IQ4_NL, 18 bytes: x = d × value[q], values in i-quants-tables.ts
 *
 *   byte 0 1   d, f16
 *   byte 2+j   bits 7…4  q of element j + 16      (j = 0 … 15)
 *              bits 3…0  q of element j
 */
const dequantizeIQ4_NL: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const value = IQ4_VALUES;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 18, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const byte = src[p + 2 + j]!;
      dst[o + j] = d * value[byte & 15]!;
      dst[o + 16 + j] = d * value[byte >> 4]!;
    }
  }
};

/** Scale − 32 of sub-block s: two high bits in the word at `p`, four low bits in the bytes behind it. */
function scaleIQ4XS(src: Uint8Array, p: number, s: number): number {
  const low = (src[p + 2 + (s >> 1)]! >> (4 * (s & 1))) & 15;
  const high = (word16(src, p) >> (2 * s)) & 3;
  return (low | (high << 4)) - 32;
}

/*
 * IQ4_XS, 136 bytes: x = (d × (scale − 32)) × value[q], eight sub-blocks of 32
 *
 *   byte 0 1      d, f16
 *   byte 2 3      16 bits, low byte first: bits 2s + 1, 2s are the high bits of scale s      (s = 0 … 7)
 *   byte 4+i      bits 7…4  low bits of scale 2i + 1                                         (i = 0 … 3)
 *                 bits 3…0  low bits of scale 2i
 *   byte 8+16s+j  bits 7…4  q of element 32s + 16 + j                                        (j = 0 … 15)
 *                 bits 3…0  q of element 32s + j
 */
const dequantizeIQ4_XS: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const value = IQ4_VALUES;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 136) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let s = 0, q = p + 8; s < 8; s++, q += 16, o += 32) {
      const scale = d * scaleIQ4XS(src, p + 2, s);
      for (let j = 0; j < 16; j++) {
        const byte = src[q + j]!;
        dst[o + j] = scale * value[byte & 15]!;
        dst[o + 16 + j] = scale * value[byte >> 4]!;
      }
    }
  }
};

/** Code of element e: sub-blocks of 16 bytes at `qs`, low nibbles first. */
function nibbleOf(block: Uint8Array, qs: number, e: number): number {
  return (block[qs + 16 * (e >> 5) + (e & 15)]! >> ((e & 16) >> 2)) & 15;
}

export const IQ4_NL: SupportedFormat = {
  ...layoutOf('IQ4_NL', 'i-quants', QK, iq4nl),
  status: 'supported',
  dequantize: dequantizeIQ4_NL,
  fields: (block) => {
    const { d, qs } = iq4nl.offset;
    const codes = listOf(QK, (e) => nibbleOf(block, qs, e));
    return [halfField(block, 'd', d), field('qs', qs, iq4nl.size.qs, codes)];
  },
};

/** The field `scales` shows scale − 32; it spans the bytes of `scales_h` and `scales_l`. */
export const IQ4_XS: SupportedFormat = {
  ...layoutOf('IQ4_XS', 'i-quants', QK_K, iq4xs),
  status: 'supported',
  dequantize: dequantizeIQ4_XS,
  fields: (block) => {
    const { d, scales_h, qs } = iq4xs.offset;
    const { size } = iq4xs;
    const scales = listOf(8, (s) => scaleIQ4XS(block, scales_h, s));
    const codes = listOf(QK_K, (e) => nibbleOf(block, qs, e));
    return [
      halfField(block, 'd', d),
      field('scales', scales_h, size.scales_h + size.scales_l, scales),
      field('qs', qs, size.qs, codes),
    ];
  },
};
