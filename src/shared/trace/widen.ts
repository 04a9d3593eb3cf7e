import { bf16ToF32, f16ToF32 } from '../base/float-bits';
import type { TraceDtype } from './trace';

/** Widens the little-endian bytes of a checkpoint to f32; integers are rounded to the nearest f32. */
export function bytesToF32(dtype: TraceDtype, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const aligned = bytes.slice();
  switch (dtype) {
    case 'F32':
      return new Float32Array(aligned.buffer);
    case 'F16':
      return widen16(new Uint16Array(aligned.buffer), f16ToF32);
    case 'BF16':
      return widen16(new Uint16Array(aligned.buffer), bf16ToF32);
    case 'I32':
      return Float32Array.from(new Int32Array(aligned.buffer));
    case 'I64':
      return Float32Array.from(new BigInt64Array(aligned.buffer), Number);
  }
}

function widen16(bits: Uint16Array, decode: (bits: number) => number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = decode(bits[i]!);
  return out;
}
