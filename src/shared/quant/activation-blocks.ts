/**
 * Blocks that ggml's CPU backend makes of activations while it multiplies; a model file holds them only if somebody put
 * them there. Source: `block_q8_1`, `block_q8_K` in ggml-common.h, `quantize_row_q8_1_ref`, `dequantize_row_q8_K` in
 * ggml-quants.c of llama.cpp v0.4.0. The library has no decoder of Q8_1: by its quantizer x = d × q, as Q8_0.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, signedField, word16 } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const QK = 32;
const QK_K = 256;

const q8_1 = blockStruct({ d: 2, s: 2, qs: QK }, 36);
const q8k = blockStruct({ d: 4, qs: QK_K, bsums: 2 * (QK_K / 16) }, 292);

/*
 * Q8_1, 36 bytes: x = d × q, exact in f32
 *
 *   byte 0 1   d, f16
 *   byte 2 3   s, f16: d × Σq, for dot products; decoding ignores it
 *   byte 4+e   q of element e, int8      (e = 0 … 31)
 */
const dequantizeQ8_1: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const signed = new Int8Array(src.buffer, src.byteOffset, src.length);
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 36, o += QK) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let e = 0; e < QK; e++) dst[o + e] = signed[p + 4 + e]! * d;
  }
};

/*
 * Q8_K, 292 bytes: x = d × q. d has 24 bits and q 8: the product is exact in JavaScript's f64, the store rounds once.
 *
 *   byte 0…3     d, f32, low byte first
 *   byte 4+e     q of element e, int8                     (e = 0 … 255)
 *   byte 260+2s  bsums, int16, low byte first: Σq of elements 16s … 16s + 15, for dot products; decoding ignores it
 */
const dequantizeQ8_K: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const view = new DataView(src.buffer, src.byteOffset, src.length);
  const signed = new Int8Array(src.buffer, src.byteOffset, src.length);
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 292, o += QK_K) {
    const d = view.getFloat32(p, true);
    for (let e = 0; e < QK_K; e++) dst[o + e] = d * signed[p + 4 + e]!;
  }
};

export const Q8_1: SupportedFormat = {
  ...layoutOf('Q8_1', 'activation', QK, q8_1),
  status: 'supported',
  dequantize: dequantizeQ8_1,
  fields: (block) => {
    const { d, s, qs } = q8_1.offset;
    return [halfField(block, 'd', d), halfField(block, 's', s), signedField(block, 'qs', qs, QK)];
  },
};

export const Q8_K: SupportedFormat = {
  ...layoutOf('Q8_K', 'activation', QK_K, q8k),
  status: 'supported',
  dequantize: dequantizeQ8_K,
  fields: (block) => {
    const { d, qs, bsums } = q8k.offset;
    const scale = new DataView(block.buffer, block.byteOffset).getFloat32(d, true);
    const sums = listOf(QK_K / 16, (s) => (word16(block, bsums + 2 * s) << 16) >> 16);
    return [field('d', d, 4, [scale]), signedField(block, 'qs', qs, QK_K), field('bsums', bsums, q8k.size.bsums, sums)];
  },
};
