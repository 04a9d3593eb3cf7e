/**
 * I-quants of one bit and a half: a codebook gives eight values −1, 0, 1 at a time, all shifted by ±⅛. Source:
 * `block_iq1_s`, `block_iq1_m`, `IQ1S_DELTA` in ggml-common.h and `dequantize_row_*` in ggml-quants.c of llama.cpp
 * v0.4.0.
 *
 * Equal bits with C's f32 arithmetic: d has 11 bits, 2 × scale + 1 has 4, value ± ⅛ is an integer of 4 bits over 8.
 * Their product fits 19 bits and is exact in f32.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf, word16 } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { IQ1S } from './i-quants-tables';
import { blockStruct, layoutOf } from './layout';

const QK_K = 256;
const GROUPS = QK_K / 8;
const DELTA = 0.125;

const iq1s = blockStruct({ d: 2, qs: QK_K / 8, qh: QK_K / 16 }, 50);
const iq1m = blockStruct({ qs: QK_K / 8, qh: QK_K / 16, scales: QK_K / 32 }, 56);

/** Eight elements: the codebook entry at `g`, shifted. */
function decodeGroup(scale: number, grid: Int8Array, g: number, delta: number, dst: Float32Array, o: number): void {
  for (let j = 0; j < 8; j++) dst[o + j] = scale * (grid[g + j]! + delta);
}

/*
 * IQ1_S, 50 bytes: x = (d × (2 × scale + 1)) × (grid + delta), eight sub-blocks of 32
 *
 *   byte 0 1         d, f16
 *   byte 2+g         low bits of the codebook entry of elements 8g … 8g + 7          (g = 0 … 31)
 *   byte 34+2s…+1    16 bits, low byte first, of sub-block s                         (s = 0 … 7)
 *                    bit 15           delta is −⅛ (set) or ⅛
 *                    bits 14…12       scale
 *                    bits 3l+2 … 3l   bits 10 9 8 of the entry g = 4s + l            (l = 0 … 3)
 */
const dequantizeIQ1_S: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ1S;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 50) {
    const d = f16[src[p]! | (src[p + 1]! << 8)]!;
    for (let s = 0, q = p + 2; s < 8; s++, q += 4) {
      const word = word16(src, p + 34 + 2 * s);
      const scale = d * (2 * ((word >> 12) & 7) + 1);
      const delta = word & 0x8000 ? -DELTA : DELTA;
      for (let l = 0; l < 4; l++, o += 8) {
        const entry = src[q + l]! | (((word >> (3 * l)) & 7) << 8);
        decodeGroup(scale, grid, entry * 8, delta, dst, o);
      }
    }
  }
};

/** The f16 d of IQ1_M: the upper nibbles of its four scale words at `p`, lowest first. */
function scaleBitsIQ1M(src: Uint8Array, p: number): number {
  return (src[p + 1]! >> 4) | (src[p + 3]! & 0xf0) | ((src[p + 5]! & 0xf0) << 4) | ((src[p + 7]! & 0xf0) << 8);
}

/** Stored 3 bits of the scale of elements 16s … 16s + 15. */
function scaleIQ1M(src: Uint8Array, p: number, s: number): number {
  return (word16(src, p + 2 * (s >> 2)) >> (3 * (s & 3))) & 7;
}

/*
 * IQ1_M, 56 bytes: x = (d × (2 × scale + 1)) × (grid + delta), sixteen sub-blocks of 16
 *
 *   byte g           low bits of the codebook entry of elements 8g … 8g + 7          (g = 0 … 31)
 *   byte 32+i        bit 7      delta of group 2i + 1 is −⅛ (set) or ⅛               (i = 0 … 15)
 *                    bits 6…4   bits 10 9 8 of the entry g = 2i + 1
 *                    bit 3      delta of group 2i
 *                    bits 2…0   bits 10 9 8 of the entry g = 2i
 *   byte 48+2k…+1    16 bits, low byte first                                         (k = 0 … 3)
 *                    bits 15…12       bits 4k + 3 … 4k of d, an f16
 *                    bits 3i+2 … 3i   scale of elements 64k + 16i … + 15             (i = 0 … 3)
 */
const dequantizeIQ1_M: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  const grid = IQ1S;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 56) {
    const d = f16[scaleBitsIQ1M(src, p + 48)]!;
    for (let g = 0; g < GROUPS; g++, o += 8) {
      const scale = d * (2 * scaleIQ1M(src, p + 48, g >> 1) + 1);
      const high = src[p + 32 + (g >> 1)]! >> (4 * (g & 1));
      const entry = src[p + g]! | ((high & 7) << 8);
      decodeGroup(scale, grid, entry * 8, high & 8 ? -DELTA : DELTA, dst, o);
    }
  }
};

/** Upper entry bits (`qh`), `scales` (the stored 3 bits) and `delta` share the words `qh`. */
export const IQ1_S: SupportedFormat = {
  ...layoutOf('IQ1_S', 'i-quants', QK_K, iq1s),
  status: 'supported',
  dequantize: dequantizeIQ1_S,
  fields: (block) => {
    const { d, qs, qh } = iq1s.offset;
    const { size } = iq1s;
    const words = listOf(8, (s) => word16(block, qh + 2 * s));
    const shared = (name: string, values: number[]) => field(name, qh, size.qh, values);
    return [
      halfField(block, 'd', d),
      field('qs', qs, size.qs, Array.from(block.subarray(qs, qs + size.qs))),
      shared(
        'qh',
        listOf(GROUPS, (g) => (words[g >> 2]! >> (3 * (g & 3))) & 7),
      ),
      shared(
        'scales',
        words.map((word) => (word >> 12) & 7),
      ),
      shared(
        'delta',
        words.map((word) => (word & 0x8000 ? -DELTA : DELTA)),
      ),
    ];
  },
};

/** Upper entry bits (`qh`) and `delta` share 16 bytes, d and `scales` (the stored 3 bits) the last 8. */
export const IQ1_M: SupportedFormat = {
  ...layoutOf('IQ1_M', 'i-quants', QK_K, iq1m),
  status: 'supported',
  dequantize: dequantizeIQ1_M,
  fields: (block) => {
    const { qs, qh, scales } = iq1m.offset;
    const { size } = iq1m;
    const nibbles = listOf(GROUPS, (g) => (block[qh + (g >> 1)]! >> (4 * (g & 1))) & 15);
    const stored = listOf(16, (s) => scaleIQ1M(block, scales, s));
    return [
      field('qs', qs, size.qs, Array.from(block.subarray(qs, qs + size.qs))),
      field(
        'qh',
        qh,
        size.qh,
        nibbles.map((nibble) => nibble & 7),
      ),
      field(
        'delta',
        qh,
        size.qh,
        nibbles.map((nibble) => (nibble & 8 ? -DELTA : DELTA)),
      ),
      field('d', scales, size.scales, [F16_TO_F32[scaleBitsIQ1M(block, scales)]!]),
      field('scales', scales, size.scales, stored),
    ];
  },
};
