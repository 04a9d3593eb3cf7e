/**
 * Legacy formats: blocks of 32 elements (Q2_0: 64, Q1_0: 128), one f16 scale `d`, some with a min `m`. Source:
 * `block_q1_0` … `block_q8_0` in ggml-common.h and `dequantize_row_*` in ggml-quants.c of llama.cpp v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: code × scale fits 24 bits, so the product is exact in f32 and in JavaScript's f64
 * alike. Adding `m` rounds to f64 and the store to f32; of two f32 operands that is one rounding (53 ≥ 2 × 24 + 2).
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, signedField } from './block-fields';
import type { BlockField, DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const QK = 32;
const HALF = QK / 2;
const QK1 = 128;
const QK2 = 64;

const q1_0 = blockStruct({ d: 2, qs: QK1 / 8 }, 18);
const q2_0 = blockStruct({ d: 2, qs: QK2 / 4 }, 18);
const q4_0 = blockStruct({ d: 2, qs: HALF }, 18);
const q4_1 = blockStruct({ d: 2, m: 2, qs: HALF }, 20);
const q5_0 = blockStruct({ d: 2, qh: 4, qs: HALF }, 22);
const q5_1 = blockStruct({ d: 2, m: 2, qh: 4, qs: HALF }, 24);
const q8_0 = blockStruct({ d: 2, qs: QK }, 34);

/*
 * Q1_0, 18 bytes: x = (2 × q − 1) × d: d where the bit is set, −d elsewhere
 *
 *   byte 0 1   d, f16
 *   byte 2+j   bit k is q of element 8j + k      (j = 0 … 15, k = 0 … 7)
 */
const dequantizeQ1_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 18, o += QK1) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let e = 0; e < QK1; e++) dst[o + e] = (((src[p + 2 + (e >> 3)]! >> (e & 7)) & 1) * 2 - 1) * d;
  }
};

/*
 * Q2_0, 18 bytes: x = (q − 1) × d
 *
 *   byte 0 1   d, f16
 *   byte 2+j   bits 7 6 | 5 4 | 3 2 | 1 0: q of elements 4j + 3 | 2 | 1 | 0      (j = 0 … 15)
 */
const dequantizeQ2_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 18, o += QK2) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let e = 0; e < QK2; e++) dst[o + e] = (((src[p + 2 + (e >> 2)]! >> (2 * (e & 3))) & 3) - 1) * d;
  }
};

/*
 * Q4_0, 18 bytes: x = d × (q − 8)
 *
 *   byte 0 1   d, f16, low byte first
 *   byte 2+j   bits 7…4  q of element j + 16      (j = 0 … 15)
 *              bits 3…0  q of element j
 */
const dequantizeQ4_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 18, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let j = 0; j < HALF; j++) {
      const byte = src[p + 2 + j]!;
      dst[o + j] = ((byte & 15) - 8) * d;
      dst[o + j + HALF] = ((byte >> 4) - 8) * d;
    }
  }
};

/*
 * Q4_1, 20 bytes: x = d × q + m
 *
 *   byte 0 1   d, f16
 *   byte 2 3   m, f16
 *   byte 4+j   bits 7…4  q of element j + 16      (j = 0 … 15)
 *              bits 3…0  q of element j
 */
const dequantizeQ4_1: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 20, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    const m = f16[src[p + 2]! | (src[p + 3]! << 8)]!;
    for (let j = 0; j < HALF; j++) {
      const byte = src[p + 4 + j]!;
      dst[o + j] = (byte & 15) * d + m;
      dst[o + j + HALF] = (byte >> 4) * d + m;
    }
  }
};

/*
 * Q5_0, 22 bytes: x = d × (q − 16), q = qh bit × 16 + nibble
 *
 *   byte 0 1    d, f16
 *   byte 2…5    qh, 32 bits, low byte first: bit e is the high bit of element e
 *   byte 6+j    bits 7…4  low bits of element j + 16      (j = 0 … 15)
 *               bits 3…0  low bits of element j
 */
const dequantizeQ5_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 22, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    const qh = src[p + 2]! | (src[p + 3]! << 8) | (src[p + 4]! << 16) | (src[p + 5]! << 24);
    for (let j = 0; j < HALF; j++) {
      const byte = src[p + 6 + j]!;
      dst[o + j] = ((byte & 15) + ((qh >>> j) & 1) * 16 - 16) * d;
      dst[o + j + HALF] = ((byte >> 4) + ((qh >>> (j + HALF)) & 1) * 16 - 16) * d;
    }
  }
};

/*
 * Q5_1, 24 bytes: x = d × q + m, q = qh bit × 16 + nibble
 *
 *   byte 0 1    d, f16
 *   byte 2 3    m, f16
 *   byte 4…7    qh, 32 bits, low byte first: bit e is the high bit of element e
 *   byte 8+j    bits 7…4  low bits of element j + 16      (j = 0 … 15)
 *               bits 3…0  low bits of element j
 */
const dequantizeQ5_1: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 24, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    const m = f16[src[p + 2]! | (src[p + 3]! << 8)]!;
    const qh = src[p + 4]! | (src[p + 5]! << 8) | (src[p + 6]! << 16) | (src[p + 7]! << 24);
    for (let j = 0; j < HALF; j++) {
      const byte = src[p + 8 + j]!;
      dst[o + j] = ((byte & 15) + ((qh >>> j) & 1) * 16) * d + m;
      dst[o + j + HALF] = ((byte >> 4) + ((qh >>> (j + HALF)) & 1) * 16) * d + m;
    }
  }
};

/*
 * Q8_0, 34 bytes: x = d × q
 *
 *   byte 0 1   d, f16
 *   byte 2+e   q of element e, int8      (e = 0 … 31)
 */
const dequantizeQ8_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const signed = new Int8Array(src.buffer, src.byteOffset, src.length);
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 34, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let e = 0; e < QK; e++) dst[o + e] = signed[p + 2 + e]! * d;
  }
};

/** Low four bits of all 32 codes, in element order. */
function nibbleField(block: Uint8Array, offset: number): BlockField {
  const bytes = Array.from(block.subarray(offset, offset + HALF));
  return field('qs', offset, HALF, [...bytes.map((b) => b & 15), ...bytes.map((b) => b >> 4)]);
}

/** Bit 4 of all 32 codes, in element order. */
function highBitField(block: Uint8Array, offset: number): BlockField {
  return field('qh', offset, 4, bitsOf(block, offset, QK));
}

/** `count` single bits, low bit of the first byte first. */
function bitsOf(block: Uint8Array, offset: number, count: number): number[] {
  return listOf(count, (e) => (block[offset + (e >> 3)]! >> (e & 7)) & 1);
}

export const Q1_0: SupportedFormat = {
  ...layoutOf('Q1_0', 'legacy', QK1, q1_0),
  status: 'supported',
  dequantize: dequantizeQ1_0,
  fields: (block) => {
    const { d, qs } = q1_0.offset;
    return [halfField(block, 'd', d), field('qs', qs, q1_0.size.qs, bitsOf(block, qs, QK1))];
  },
};

export const Q2_0: SupportedFormat = {
  ...layoutOf('Q2_0', 'legacy', QK2, q2_0),
  status: 'supported',
  dequantize: dequantizeQ2_0,
  fields: (block) => {
    const { d, qs } = q2_0.offset;
    const code = (e: number): number => (block[qs + (e >> 2)]! >> (2 * (e & 3))) & 3;
    return [halfField(block, 'd', d), field('qs', qs, q2_0.size.qs, listOf(QK2, code))];
  },
};

export const Q4_0: SupportedFormat = {
  ...layoutOf('Q4_0', 'legacy', QK, q4_0),
  status: 'supported',
  dequantize: dequantizeQ4_0,
  fields: (block) => [halfField(block, 'd', q4_0.offset.d), nibbleField(block, q4_0.offset.qs)],
};

export const Q4_1: SupportedFormat = {
  ...layoutOf('Q4_1', 'legacy', QK, q4_1),
  status: 'supported',
  dequantize: dequantizeQ4_1,
  fields: (block) => [
    halfField(block, 'd', q4_1.offset.d),
    halfField(block, 'm', q4_1.offset.m),
    nibbleField(block, q4_1.offset.qs),
  ],
};

export const Q5_0: SupportedFormat = {
  ...layoutOf('Q5_0', 'legacy', QK, q5_0),
  status: 'supported',
  dequantize: dequantizeQ5_0,
  fields: (block) => [
    halfField(block, 'd', q5_0.offset.d),
    highBitField(block, q5_0.offset.qh),
    nibbleField(block, q5_0.offset.qs),
  ],
};

export const Q5_1: SupportedFormat = {
  ...layoutOf('Q5_1', 'legacy', QK, q5_1),
  status: 'supported',
  dequantize: dequantizeQ5_1,
  fields: (block) => [
    halfField(block, 'd', q5_1.offset.d),
    halfField(block, 'm', q5_1.offset.m),
    highBitField(block, q5_1.offset.qh),
    nibbleField(block, q5_1.offset.qs),
  ],
};

export const Q8_0: SupportedFormat = {
  ...layoutOf('Q8_0', 'legacy', QK, q8_0),
  status: 'supported',
  dequantize: dequantizeQ8_0,
  fields: (block) => [halfField(block, 'd', q8_0.offset.d), signedField(block, 'qs', q8_0.offset.qs, QK)],
};
