/**
 * Ternary formats: super-blocks of 256 elements that are −d, 0 or d. Source: `block_tq1_0`, `block_tq2_0` in
 * ggml-common.h and `dequantize_row_*` in ggml-quants.c of llama.cpp v0.4.0. Products with −1 … 2 are exact in f32.
 */
import { F16_TO_F32 } from '../base/float-bits';
import { field, halfField, listOf } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const QK_K = 256;

const tq1_0 = blockStruct({ qs: (QK_K - 16) / 5, qh: QK_K / 64, d: 2 }, 54);
const tq2_0 = blockStruct({ qs: QK_K / 4, d: 2 }, 66);

/*
 * Trits of TQ1_0: a byte is a fraction of 256 in base 3, first trit first:
 * byte = ⌈(t0 × 81 + t1 × 27 + t2 × 9 + t3 × 3 + t4) × 256 / 243⌉. Multiplying by 3ⁿ modulo 256 drops the first n
 * trits; three times the rest, divided by 256, is the next one.
 */
const POW3 = Uint8Array.of(1, 3, 9, 27, 81);

function trit(byte: number, n: number): number {
  return (((byte * POW3[n]!) & 255) * 3) >> 8;
}

/** Decodes `trits` × `width` elements: trit n of the `width` bytes at `p` are elements n × width … */
function decodeTrits(
  src: Uint8Array,
  p: number,
  width: number,
  trits: number,
  d: number,
  dst: Float32Array,
  o: number,
): void {
  for (let n = 0; n < trits; n++) {
    const power = POW3[n]!;
    const at = o + n * width;
    for (let m = 0; m < width; m++) dst[at + m] = (((((src[p + m]! * power) & 255) * 3) >> 8) - 1) * d;
  }
}

/*
 * TQ1_0, 54 bytes: x = (t − 1) × d, five trits per byte, see above
 *
 *   byte m       trit n of element 32n + m             (n = 0 … 4, m = 0 … 31)
 *   byte 32+m    trit n of element 160 + 16n + m       (n = 0 … 4, m = 0 … 15)
 *   byte 48+m    trit n of element 240 + 4n + m        (n = 0 … 3, m = 0 … 3)
 *   byte 52 53   d, f16
 */
const dequantizeTQ1_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 54, o += QK_K) {
    const d = f16[src[p + 52]! | (src[p + 53]! << 8)]!;
    decodeTrits(src, p, 32, 5, d, dst, o);
    decodeTrits(src, p + 32, 16, 5, d, dst, o + 160);
    decodeTrits(src, p + 48, 4, 4, d, dst, o + 240);
  }
};

/*
 * TQ2_0, 66 bytes: x = (q − 1) × d; q = 3, which no quantizer writes, decodes to 2d
 *
 *   byte 32k+m   bits 7 6 | 5 4 | 3 2 | 1 0: q of elements 128k + 96 | 64 | 32 | 0 + m      (k = 0 1, m = 0 … 31)
 *   byte 64 65   d, f16
 */
const dequantizeTQ2_0: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const f16 = F16_TO_F32;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 66) {
    const d = f16[src[p + 64]! | (src[p + 65]! << 8)]!;
    for (let k = 0, q = p; k < 2; k++, q += 32, o += 128) {
      for (let m = 0; m < 32; m++) {
        const byte = src[q + m]!;
        dst[o + m] = ((byte & 3) - 1) * d;
        dst[o + 32 + m] = (((byte >> 2) & 3) - 1) * d;
        dst[o + 64 + m] = (((byte >> 4) & 3) - 1) * d;
        dst[o + 96 + m] = ((byte >> 6) - 1) * d;
      }
    }
  }
};

export const TQ1_0: SupportedFormat = {
  ...layoutOf('TQ1_0', 'ternary', QK_K, tq1_0),
  status: 'supported',
  dequantize: dequantizeTQ1_0,
  fields: (block) => {
    const { qs, qh, d } = tq1_0.offset;
    const low = (e: number): number =>
      e < 160 ? trit(block[qs + (e & 31)]!, e >> 5) : trit(block[qs + 32 + (e & 15)]!, (e - 160) >> 4);
    return [
      field('qs', qs, tq1_0.size.qs, listOf(240, low)),
      field(
        'qh',
        qh,
        tq1_0.size.qh,
        listOf(16, (e) => trit(block[qh + (e & 3)]!, e >> 2)),
      ),
      halfField(block, 'd', d),
    ];
  },
};

export const TQ2_0: SupportedFormat = {
  ...layoutOf('TQ2_0', 'ternary', QK_K, tq2_0),
  status: 'supported',
  dequantize: dequantizeTQ2_0,
  fields: (block) => {
    const { qs, d } = tq2_0.offset;
    const code = (e: number): number => (block[qs + 32 * (e >> 7) + (e & 31)]! >> (2 * ((e >> 5) & 3))) & 3;
    return [field('qs', qs, tq2_0.size.qs, listOf(QK_K, code)), halfField(block, 'd', d)];
  },
};
