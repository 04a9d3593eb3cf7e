/**
 * Plain integers, one element per block. ggml stores tables and indices in them and has no decoder (`to_float` of the
 * type traits in ggml.c of llama.cpp v0.4.0 is empty); here they are converted as C converts them: to the nearest f32,
 * ties to even.
 */
import type { DequantizeBlocks, SupportedFormat } from './format';
import { field } from './block-fields';
import { blockStruct, layoutOf } from './layout';

const viewOf = (src: Uint8Array): DataView => new DataView(src.buffer, src.byteOffset, src.length);

/** int8: one byte, two's complement. */
const dequantizeI8: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const signed = new Int8Array(src.buffer, src.byteOffset, src.length);
  for (let i = 0; i < blocks; i++) dst[dstOffset + i] = signed[srcOffset + i]!;
};

/** int16: two bytes, two's complement, low byte first. */
const dequantizeI16: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const view = viewOf(src);
  for (let i = 0, p = srcOffset; i < blocks; i++, p += 2) dst[dstOffset + i] = view.getInt16(p, true);
};

/** int32: four bytes, two's complement, low byte first. The store into f32 rounds. */
const dequantizeI32: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const view = viewOf(src);
  for (let i = 0, p = srcOffset; i < blocks; i++, p += 4) dst[dstOffset + i] = view.getInt32(p, true);
};

/**
 * int64: eight bytes, two's complement, low byte first. An f64 holds no 64 bits, and rounding to 53 bits and then to 24
 * is not rounding once. From 2⁵² on, bits 0 … 10 are therefore cleared, and bit 11 is set if one of them was ("round to
 * odd"): what is left is exact in f64 and on the same side of every tie between f32 values.
 */
const dequantizeI64: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const view = viewOf(src);
  for (let i = 0, p = srcOffset; i < blocks; i++, p += 8) {
    const low = view.getUint32(p, true);
    const high = view.getInt32(p + 4, true);
    const small = high >= -0x100000 && high < 0x100000;
    const sticky = (low & 0x7ff) === 0 ? low : ((low & ~0x7ff) | 0x800) >>> 0;
    dst[dstOffset + i] = high * 0x1_0000_0000 + (small ? low : sticky);
  }
};

function integerFormat(
  type: 'I8' | 'I16' | 'I32' | 'I64',
  bytes: number,
  dequantize: DequantizeBlocks,
  value: (view: DataView) => number,
): SupportedFormat {
  return {
    ...layoutOf(type, 'integer', 1, blockStruct({ value: bytes }, bytes)),
    status: 'supported',
    dequantize,
    fields: (block) => [field('value', 0, bytes, [value(viewOf(block))])],
  };
}

export const I8 = integerFormat('I8', 1, dequantizeI8, (view) => view.getInt8(0));
export const I16 = integerFormat('I16', 2, dequantizeI16, (view) => view.getInt16(0, true));
export const I32 = integerFormat('I32', 4, dequantizeI32, (view) => view.getInt32(0, true));
/** The field's value is rounded to an f64 beyond ±2⁵³. */
export const I64 = integerFormat('I64', 8, dequantizeI64, (view) => Number(view.getBigInt64(0, true)));
