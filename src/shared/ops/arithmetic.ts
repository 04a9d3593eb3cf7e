import { f16ToF32, f32ToF16, bf16ToF32, f32ToBf16 } from '../base/float-bits';

/**
 * How correct engines do arithmetic on one op; the spread between them is the noise floor.
 * - `exact`: exact weight decode, f64 products and accumulation, one rounding of the result to f32.
 * - `ggml`: as ggml's CPU backend: activations converted to the weight type's dot type (Q8_K, Q8_0, Q8_1, F16, BF16)
 *   before the dot product, f16 lookup table for GELU, rope angles by repeated f32 multiplication, f32 intermediates.
 *   Sums stay f64: ggml's own order differs between CPUs.
 * - `f16`, `bf16`: `exact`, with every float activation rounded to that type on the way in and out, as an engine does
 *   that stores its activations so.
 * - `f16-sums`: `exact`, but mat-muls round their activations to f16, and each product and each partial sum too, over k
 *   ascending in one accumulator: the coarsest that an engine does which declares f16 accumulation.
 */
export type Arithmetic = 'exact' | 'ggml' | 'f16' | 'bf16' | 'f16-sums';

/** The float types that activations can be stored in. */
export type ActivationType = 'F32' | 'F16' | 'BF16';

export function activationType(arithmetic: Arithmetic): ActivationType {
  return arithmetic === 'f16' ? 'F16' : arithmetic === 'bf16' ? 'BF16' : 'F32';
}

/** Rounds the first `count` values from `offset` on to the nearest value of `type`, in place. */
export function roundActivations(type: ActivationType, values: Float32Array, offset: number, count: number): void {
  const end = offset + count;
  if (type === 'F16') for (let i = offset; i < end; i++) values[i] = f16ToF32(f32ToF16(values[i] as number));
  else if (type === 'BF16') for (let i = offset; i < end; i++) values[i] = bf16ToF32(f32ToBf16(values[i] as number));
}

/** Rounding of intermediate results: none in f64, to f32 in ggml's arithmetic. */
export type Rounding = (x: number) => number;

const toF32: Rounding = Math.fround;
const keep: Rounding = (x) => x;

export function intermediateRounding(arithmetic: Arithmetic): Rounding {
  return arithmetic === 'ggml' ? toF32 : keep;
}

/** An array of intermediate results: storing rounds, which in long loops is faster than a call of a `Rounding`. */
export type Intermediates = Float32Array | Float64Array;

export function intermediates(arithmetic: Arithmetic, length: number): Intermediates {
  return arithmetic === 'ggml' ? new Float32Array(length) : new Float64Array(length);
}
