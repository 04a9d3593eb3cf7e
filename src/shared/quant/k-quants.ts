/**
 * K-quants: super-blocks of 256 elements whose sub-blocks have scales of their own. Source: `block_q4_K`, `block_q5_K`,
 * `block_q6_K` in ggml-common.h, `get_scale_min_k4` and `dequantize_row_*` in ggml-quants.c of llama.cpp v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: d × scale × code fits 24 bits, so products are exact in f32 and in JavaScript's
 * f64 alike. Subtracting the min rounds to f64 and the store to f32; for two f32 operands that equals one rounding
 * (53 ≥ 2 × 24 + 2).
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, signedField } from './block-fields';
import type { BlockField, DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const QK_K = 256;

const q4k = blockStruct({ d: 2, dmin: 2, scales: 12, qs: QK_K / 2 }, 144);
const q5k = blockStruct({ d: 2, dmin: 2, scales: 12, qh: QK_K / 8, qs: QK_K / 2 }, 176);
const q6k = blockStruct({ ql: QK_K / 2, qh: QK_K / 4, scales: QK_K / 16, d: 2 }, 210);

/*
 * Scales and mins of Q4_K and Q5_K: eight pairs of 6 bits in 12 bytes. s = scale, m = min, [high bits | low bits]:
 *
 *              bits 7 6      bits 5…0
 *   byte 0…3   s[4…7] 5 4    s[0…3]
 *   byte 4…7   m[4…7] 5 4    m[0…3]
 *
 *              bits 7…4      bits 3…0
 *   byte 8…11  m[4…7] 3…0    s[4…7] 3…0
 */
function scaleK4(src: Uint8Array, p: number, j: number): number {
  return j < 4 ? src[p + j]! & 63 : (src[p + j + 4]! & 15) | ((src[p + j - 4]! >> 6) << 4);
}

function minK4(src: Uint8Array, p: number, j: number): number {
  return j < 4 ? src[p + j + 4]! & 63 : (src[p + j + 4]! >> 4) | ((src[p + j]! >> 6) << 4);
}

/*
 * Q4_K, 144 bytes: x = (d × scale) × q − (dmin × min), eight sub-blocks of 32
 *
 *   byte 0 1      d, f16
 *   byte 2 3      dmin, f16
 *   byte 4…15     scales and mins, see above
 *   byte 16+32k+l bits 7…4  q of element 64k + 32 + l (sub-block 2k + 1)      (k = 0 … 3, l = 0 … 31)
 *                 bits 3…0  q of element 64k + l      (sub-block 2k)
 */
const dequantizeQ4_K: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 144) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    const dmin = f16[src[p + 2]! | (src[p + 3]! << 8)]!;
    for (let k = 0, q = p + 16; k < 4; k++, q += 32, o += 64) {
      const d1 = d * scaleK4(src, p + 4, 2 * k);
      const m1 = dmin * minK4(src, p + 4, 2 * k);
      const d2 = d * scaleK4(src, p + 4, 2 * k + 1);
      const m2 = dmin * minK4(src, p + 4, 2 * k + 1);
      for (let l = 0; l < 32; l++) {
        const byte = src[q + l]!;
        dst[o + l] = d1 * (byte & 15) - m1;
        dst[o + 32 + l] = d2 * (byte >> 4) - m2;
      }
    }
  }
};

/*
 * Q5_K, 176 bytes: x = (d × scale) × q − (dmin × min), q = high bit × 16 + nibble, eight sub-blocks of 32
 *
 *   byte 0 1      d, f16
 *   byte 2 3      dmin, f16
 *   byte 4…15     scales and mins, see above
 *   byte 16+l     bit s is the high bit of element 32s + l                    (s = 0 … 7, l = 0 … 31)
 *   byte 48+32k+l bits 7…4  low bits of element 64k + 32 + l (sub-block 2k + 1)
 *                 bits 3…0  low bits of element 64k + l      (sub-block 2k)   (k = 0 … 3)
 */
const dequantizeQ5_K: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 176) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    const dmin = f16[src[p + 2]! | (src[p + 3]! << 8)]!;
    for (let k = 0, q = p + 48; k < 4; k++, q += 32, o += 64) {
      const d1 = d * scaleK4(src, p + 4, 2 * k);
      const m1 = dmin * minK4(src, p + 4, 2 * k);
      const d2 = d * scaleK4(src, p + 4, 2 * k + 1);
      const m2 = dmin * minK4(src, p + 4, 2 * k + 1);
      for (let l = 0; l < 32; l++) {
        const byte = src[q + l]!;
        const high = src[p + 16 + l]! >> (2 * k);
        dst[o + l] = d1 * ((byte & 15) + (high & 1) * 16) - m1;
        dst[o + 32 + l] = d2 * ((byte >> 4) + (high & 2) * 8) - m2;
      }
    }
  }
};

/*
 * Q6_K, 210 bytes: x = (d × scale) × (q − 32), q = qh pair × 16 + nibble, sixteen sub-blocks of 16
 *
 *   byte 64n+l         bits 7…4  low bits of element 128n + 64 + l            (n = 0 1, l = 0 … 31)
 *                      bits 3…0  low bits of element 128n + l
 *   byte 64n+32+l      bits 7…4  low bits of element 128n + 96 + l
 *                      bits 3…0  low bits of element 128n + 32 + l
 *   byte 128+32n+l     bits 7 6 | 5 4 | 3 2 | 1 0: high bits of elements 128n + 96 | 64 | 32 | 0 + l
 *   byte 192+s         scale of elements 16s … 16s + 15, int8                 (s = 0 … 15)
 *   byte 208 209       d, f16
 */
const dequantizeQ6_K: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const signed = new Int8Array(src.buffer, src.byteOffset, src.length);
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 210) {
    const d = f16[src[p + 208]! | (src[p + 209]! << 8)]!;
    for (let n = 0; n < 2; n++, o += 128) {
      for (let half = 0; half < 2; half++) {
        const s = p + 192 + 8 * n + half;
        const d1 = d * signed[s]!;
        const d2 = d * signed[s + 2]!;
        const d3 = d * signed[s + 4]!;
        const d4 = d * signed[s + 6]!;
        for (let l = 16 * half, end = l + 16; l < end; l++) {
          const low = src[p + 64 * n + l]!;
          const low32 = src[p + 64 * n + 32 + l]!;
          const high = src[p + 128 + 32 * n + l]!;
          dst[o + l] = d1 * (((low & 15) | ((high & 3) << 4)) - 32);
          dst[o + 32 + l] = d2 * (((low32 & 15) | ((high & 12) << 2)) - 32);
          dst[o + 64 + l] = d3 * (((low >> 4) | (high & 48)) - 32);
          dst[o + 96 + l] = d4 * (((low32 >> 4) | ((high & 192) >> 2)) - 32);
        }
      }
    }
  }
};

/** One value per element 0 … 255. */
function perElement(value: (e: number) => number): number[] {
  return listOf(QK_K, value);
}

/** d, dmin and the unpacked scales and mins, which share 12 bytes. */
function scaleFields(block: Uint8Array): BlockField[] {
  const { d, dmin, scales } = q4k.offset;
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  return [
    halfField(block, 'd', d),
    halfField(block, 'dmin', dmin),
    field(
      'scales',
      scales,
      12,
      eight.map((j) => scaleK4(block, scales, j)),
    ),
    field(
      'mins',
      scales,
      12,
      eight.map((j) => minK4(block, scales, j)),
    ),
  ];
}

/** Low four bits of element e in the 128 code bytes of Q4_K and Q5_K. */
function nibble(block: Uint8Array, qs: number, e: number): number {
  return (block[qs + 32 * (e >> 6) + (e & 31)]! >> ((e & 32) >> 3)) & 15;
}

export const Q4_K: SupportedFormat = {
  ...layoutOf('Q4_K', 'k-quants', QK_K, q4k),
  status: 'supported',
  dequantize: dequantizeQ4_K,
  fields: (block) => [
    ...scaleFields(block),
    field(
      'qs',
      q4k.offset.qs,
      q4k.size.qs,
      perElement((e) => nibble(block, q4k.offset.qs, e)),
    ),
  ],
};

export const Q5_K: SupportedFormat = {
  ...layoutOf('Q5_K', 'k-quants', QK_K, q5k),
  status: 'supported',
  dequantize: dequantizeQ5_K,
  fields: (block) => {
    const { qh, qs } = q5k.offset;
    return [
      ...scaleFields(block),
      field(
        'qh',
        qh,
        q5k.size.qh,
        perElement((e) => (block[qh + (e & 31)]! >> (e >> 5)) & 1),
      ),
      field(
        'qs',
        qs,
        q5k.size.qs,
        perElement((e) => nibble(block, qs, e)),
      ),
    ];
  },
};

export const Q6_K: SupportedFormat = {
  ...layoutOf('Q6_K', 'k-quants', QK_K, q6k),
  status: 'supported',
  dequantize: dequantizeQ6_K,
  fields: (block) => {
    const { ql, qh, scales, d } = q6k.offset;
    const low = (e: number): number => (block[ql + 64 * (e >> 7) + (e & 63)]! >> ((e & 64) >> 4)) & 15;
    const high = (e: number): number => (block[qh + 32 * (e >> 7) + (e & 31)]! >> (2 * ((e >> 5) & 3))) & 3;
    return [
      field('ql', ql, q6k.size.ql, perElement(low)),
      field('qh', qh, q6k.size.qh, perElement(high)),
      signedField(block, 'scales', scales, q6k.size.scales),
      halfField(block, 'd', d),
    ];
  },
};
