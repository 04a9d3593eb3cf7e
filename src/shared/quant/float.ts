/**
 * Plain floats, one element per block. Source: ggml.c `ggml_fp16_to_fp32_row`, `ggml_bf16_to_fp32_row`, and a copy for
 * F32, of llama.cpp v0.4.0. All three move bits, so NaN payloads are equal too. ggml has no decoder of F64 (`to_float`
 * of its type traits is empty); here it is rounded once, as C converts it.
 */
import { bf16ToF32, F16_TO_F32_BITS, f16ToF32 } from '../base/float-bits';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const f64Struct = blockStruct({ value: 8 }, 8);
const f32Struct = blockStruct({ value: 4 }, 4);
const halfStruct = blockStruct({ value: 2 }, 2);

/** Views of `dst` as raw words, so that no NaN passes through a JavaScript number. */
function wordsOf(dst: Float32Array, dstOffset: number, count: number): Uint32Array {
  return new Uint32Array(dst.buffer, dst.byteOffset + dstOffset * 4, count);
}

/** f64: `s`, 11 bits exponent, 52 bits mantissa, stored least significant byte first. */
const dequantizeF64: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const view = new DataView(src.buffer, src.byteOffset, src.length);
  for (let i = 0, p = srcOffset; i < blocks; i++, p += 8) dst[dstOffset + i] = view.getFloat64(p, true);
};

/** f32: `seeeeeee emmmmmmm mmmmmmmm mmmmmmmm`, stored least significant byte first. */
const dequantizeF32: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const bytes = new Uint8Array(dst.buffer, dst.byteOffset + dstOffset * 4, blocks * 4);
  bytes.set(src.subarray(srcOffset, srcOffset + blocks * 4));
};

/** f16: `seeeeemm mmmmmmmm`, stored least significant byte first. */
const dequantizeF16: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const out = wordsOf(dst, dstOffset, blocks);
  const table = F16_TO_F32_BITS;
  for (let i = 0, p = srcOffset; i < blocks; i++, p += 2) {
    out[i] = table[src[p]! | (src[p + 1]! << 8)]!;
  }
};

/** bf16: the upper half of an f32, `seeeeeee emmmmmmm`, stored least significant byte first. */
const dequantizeBF16: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const out = wordsOf(dst, dstOffset, blocks);
  for (let i = 0, p = srcOffset; i < blocks; i++, p += 2) {
    out[i] = (src[p]! << 16) | (src[p + 1]! << 24);
  }
};

/** The field's value is the f64 itself. */
export const F64: SupportedFormat = {
  ...layoutOf('F64', 'float', 1, f64Struct),
  status: 'supported',
  dequantize: dequantizeF64,
  fields: (block) => {
    const view = new DataView(block.buffer, block.byteOffset, f64Struct.bytes);
    return [{ name: 'value', offset: 0, length: 8, values: [view.getFloat64(0, true)] }];
  },
};

export const F32: SupportedFormat = {
  ...layoutOf('F32', 'float', 1, f32Struct),
  status: 'supported',
  dequantize: dequantizeF32,
  fields: (block) => {
    const view = new DataView(block.buffer, block.byteOffset, f32Struct.bytes);
    return [{ name: 'value', offset: 0, length: 4, values: [view.getFloat32(0, true)] }];
  },
};

export const F16: SupportedFormat = {
  ...layoutOf('F16', 'float', 1, halfStruct),
  status: 'supported',
  dequantize: dequantizeF16,
  fields: (block) => [{ name: 'value', offset: 0, length: 2, values: [f16ToF32(block[0]! | (block[1]! << 8))] }],
};

export const BF16: SupportedFormat = {
  ...layoutOf('BF16', 'float', 1, halfStruct),
  status: 'supported',
  dequantize: dequantizeBF16,
  fields: (block) => [{ name: 'value', offset: 0, length: 2, values: [bf16ToF32(block[0]! | (block[1]! << 8))] }],
};
