/** Narrow types that engines compute in by mistake. */
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../base/float-bits';

export type Narrow = 'f16' | 'bf16';
export const NARROW: readonly Narrow[] = ['f16', 'bf16'];
/** Largest finite f16. */
export const F16_MAX = 65504;

export const toF16 = (x: number): number => f16ToF32(f32ToF16(x));
export const toBf16 = (x: number): number => bf16ToF32(f32ToBf16(x));

export function narrowTo(type: Narrow): (x: number) => number {
  return type === 'f16' ? toF16 : toBf16;
}

export function narrowed(values: Float32Array, round: (x: number) => number): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = round(values[i] as number);
  return out;
}
