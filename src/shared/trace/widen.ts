import { bf16ToF32, f16ToF32 } from '../base/float-bits';
import type { TraceDtype } from './trace';

/**
 * Widens the little-endian bytes of a checkpoint to f32; integers are rounded to the nearest f32. The result of F32
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
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return widen16(new Uint16Array(buffer), f16ToF32);
    case 'BF16':
      return widen16(new Uint16Array(buffer), bf16ToF32);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
  }
}

function widen16(bits: Uint16Array, decode: (bits: number) => number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = decode(bits[i]!);
  return out;
}
