/**
 * The K-quants of two and three bits. Source: `block_q2_K`, `block_q3_K` in ggml-common.h and `dequantize_row_*` in
 * ggml-quants.c of llama.cpp v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: as in k-quants.ts, d × scale × code fits 24 bits, and subtracting a min rounds
 * once.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const QK_K = 256;
const SUBS = QK_K / 16;

const q2k = blockStruct({ scales: SUBS, qs: QK_K / 4, d: 2, dmin: 2 }, 84);
const q3k = blockStruct({ hmask: QK_K / 8, qs: QK_K / 4, scales: 12, d: 2 }, 110);

/*
 * Q2_K, 84 bytes: x = (d × scale) × q − (dmin × min), sixteen sub-blocks of 16
 *
 *   byte s         bits 7…4  min of elements 16s … 16s + 15                     (s = 0 … 15)
 *                  bits 3…0  scale of the same
 *   byte 16+32n+l  bits 7 6 | 5 4 | 3 2 | 1 0: q of elements 128n + 96 | 64 | 32 | 0 + l   (n = 0 1, l = 0 … 31)
 *   byte 80 81     d, f16
 *   byte 82 83     dmin, f16
 */
const dequantizeQ2_K: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 84) {
    const d = f16[src[p + 80]! | (src[p + 81]! << 8)]!;
    const dmin = f16[src[p + 82]! | (src[p + 83]! << 8)]!;
    for (let s = 0; s < SUBS; s++, o += 16) {
      const pair = src[p + s]!;
      const scale = d * (pair & 15);
      const min = dmin * (pair >> 4);
      const q = p + 16 + 32 * (s >> 3) + 16 * (s & 1);
      const shift = s & 6;
      for (let l = 0; l < 16; l++) dst[o + l] = scale * ((src[q + l]! >> shift) & 3) - min;
    }
  }
};

/*
 * Scales of Q3_K: sixteen of 6 bits, s − 32, in 12 bytes:
 *
 *               bits 7 6     bits 5 4     bits 3 2    bits 1 0
 *   byte 8+i    s[12+i] 5 4  s[8+i] 5 4   s[4+i] 5 4  s[i] 5 4      (i = 0 … 3)
 *
 *               bits 7…4     bits 3…0
 *   byte i      s[8+i] 3…0   s[i] 3…0                               (i = 0 … 7)
 */
function scaleQ3K(src: Uint8Array, p: number, s: number): number {
  const low = (src[p + (s & 7)]! >> ((s & 8) >> 1)) & 15;
  const high = (src[p + 8 + (s & 3)]! >> ((s >> 2) << 1)) & 3;
  return (low | (high << 4)) - 32;
}

/*
 * Q3_K, 110 bytes: x = (d × (scale − 32)) × (q − 4), q = high bit × 4 + pair, sixteen sub-blocks of 16
 *
 *   byte l         bit g is the high bit of element 32g + l                              (g = 0 … 7, l = 0 … 31)
 *   byte 32+32n+l  bits 7 6 | 5 4 | 3 2 | 1 0: low bits of elements 128n + 96 | 64 | 32 | 0 + l   (n = 0 1)
 *   byte 96…107    scales, see above
 *   byte 108 109   d, f16
 */
const dequantizeQ3_K: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 110) {
    const d = f16[src[p + 108]! | (src[p + 109]! << 8)]!;
    for (let s = 0; s < SUBS; s++, o += 16) {
      const scale = d * scaleQ3K(src, p + 96, s);
      const h = p + 16 * (s & 1);
      const q = h + 32 + 32 * (s >> 3);
      const group = s >> 1;
      const shift = s & 6;
      for (let l = 0; l < 16; l++) {
        dst[o + l] = scale * (((src[q + l]! >> shift) & 3) + ((src[h + l]! >> group) & 1) * 4 - 4);
      }
    }
  }
};

/** Two bits of element e in the 64 code bytes at `qs`. */
function pairOf(block: Uint8Array, qs: number, e: number): number {
  return (block[qs + 32 * (e >> 7) + (e & 31)]! >> (2 * ((e >> 5) & 3))) & 3;
}

export const Q2_K: SupportedFormat = {
  ...layoutOf('Q2_K', 'k-quants', QK_K, q2k),
  status: 'supported',
  dequantize: dequantizeQ2_K,
  fields: (block) => {
    const { scales, qs, d, dmin } = q2k.offset;
    const pairs = listOf(SUBS, (s) => block[scales + s]!);
    return [
      field(
        'scales',
        scales,
        SUBS,
        pairs.map((pair) => pair & 15),
      ),
      field(
        'mins',
        scales,
        SUBS,
        pairs.map((pair) => pair >> 4),
      ),
      field(
        'qs',
        qs,
        q2k.size.qs,
        listOf(QK_K, (e) => pairOf(block, qs, e)),
      ),
      halfField(block, 'd', d),
      halfField(block, 'dmin', dmin),
    ];
  },
};

/** The field `scales` shows s − 32. */
export const Q3_K: SupportedFormat = {
  ...layoutOf('Q3_K', 'k-quants', QK_K, q3k),
  status: 'supported',
  dequantize: dequantizeQ3_K,
  fields: (block) => {
    const { hmask, qs, scales, d } = q3k.offset;
    const high = (e: number): number => (block[hmask + (e & 31)]! >> (e >> 5)) & 1;
    const scale = (s: number): number => scaleQ3K(block, scales, s);
    return [
      field('hmask', hmask, q3k.size.hmask, listOf(QK_K, high)),
      field(
        'qs',
        qs,
        q3k.size.qs,
        listOf(QK_K, (e) => pairOf(block, qs, e)),
      ),
      field('scales', scales, q3k.size.scales, listOf(SUBS, scale)),
      halfField(block, 'd', d),
    ];
  },
};
