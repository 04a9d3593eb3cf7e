import { bf16ToF32, f16ToF32, F8_E4M3_TO_F32 } from '../base/float-bits';
import type { TraceDtype } from './trace';

/**
 * The little-endian bytes of a checkpoint as f32; f64 and integers are rounded to the nearest f32. The result of F32
 * bytes may share their memory: nothing is copied where they lie aligned.
 */
export function bytesToF32<B extends ArrayBufferLike>(
  dtype: TraceDtype,
  bytes: Uint8Array<B>,
): Float32Array<B> | Float32Array<ArrayBuffer> {
  if (dtype === 'F32' && bytes.byteOffset % 4 === 0) {
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }
  const { buffer } = bytes.slice();
  switch (dtype) {
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return widened(new Uint16Array(buffer), f16ToF32);
    case 'BF16':
      return widened(new Uint16Array(buffer), bf16ToF32);
    case 'F8_E4M3':
      return widened(bytes, (bits) => F8_E4M3_TO_F32[bits]!);
    case 'F8_E5M2':
      // The upper byte of an f16.
      return widened(bytes, (bits) => f16ToF32(bits << 8));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'U64':
      return Float32Array.from(new BigUint64Array(buffer), Number);
    default:
      return Float32Array.from(new INTEGERS[dtype](buffer));
  }
}

const INTEGERS = {
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
} as const;

function widened(bits: Uint16Array | Uint8Array, decode: (bits: number) => number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = decode(bits[i]!);
  return out;
}
