/**
 * ggml's CPU backend converts the activations of a mat-mul to the weight type's `vec_dot_type` before the dot product
 * (`type_traits_cpu` in ggml-cpu.c of llama.cpp v0.4.0). Here the same conversion, given back as values: code × scale.
 * Decoded weight × decoded activation then equals ggml's integer dot product up to f32 rounding.
 *
 * Mirrored: `quantize_row_q8_K_ref` (ggml-quants.c), `quantize_row_q8_0` and `quantize_row_q8_1` as the AVX2 code of
 * arch/x86/quants.c does them. The scalar and ARM versions of the latter two multiply with 1/d instead of 127/max and
 * round halves away from zero, so that some codes differ by one: up to 1e-6 NMSE at a mat-mul of SmolLM2 (`Vcur-0`).
 */
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../base/float-bits';
import type { GgmlTypeName } from './ggml-type';

export type DotType = 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q8_1' | 'Q8_K';

const fround = Math.fround;
const QK8 = 32;
const QK_K = 256;

const DOT_TYPES: Partial<Record<GgmlTypeName, DotType>> = {
  F32: 'F32',
  F16: 'F16',
  BF16: 'BF16',
  Q1_0: 'Q8_0',
  Q2_0: 'Q8_0',
  Q4_0: 'Q8_0',
  Q5_0: 'Q8_0',
  Q8_0: 'Q8_0',
  IQ4_NL: 'Q8_0',
  MXFP4: 'Q8_0',
  NVFP4: 'Q8_0',
  Q4_1: 'Q8_1',
  Q5_1: 'Q8_1',
  Q2_K: 'Q8_K',
  Q3_K: 'Q8_K',
  Q4_K: 'Q8_K',
  Q5_K: 'Q8_K',
  Q6_K: 'Q8_K',
  IQ1_S: 'Q8_K',
  IQ1_M: 'Q8_K',
  IQ2_XXS: 'Q8_K',
  IQ2_XS: 'Q8_K',
  IQ2_S: 'Q8_K',
  IQ3_XXS: 'Q8_K',
  IQ3_S: 'Q8_K',
  IQ4_XS: 'Q8_K',
  TQ1_0: 'Q8_K',
  TQ2_0: 'Q8_K',
};

/** `vec_dot_type` of a weight type; undefined for types that ggml's CPU backend cannot multiply with. */
export function dotTypeOf(weight: GgmlTypeName): DotType | undefined {
  return DOT_TYPES[weight];
}

/**
 * Extra values after a row of K converted activations: for Q8_1, K/32 corrections of the block sums.
 * `block_q8_1.s` is rounded to f16 on its own, so Σ m·x̂ of a block is m × s and not m × d·Σq; the correction
 * s − d·Σq, multiplied with the weight block's min m, makes up for it.
 */
export function dotExtension(dot: DotType, elements: number): number {
  return dot === 'Q8_1' ? elements / QK8 : 0;
}

/**
 * Converts one row of activations as ggml does.
 * @param src f32 activations; `count` of them from `srcOffset` on (whole blocks of the dot type)
 * @param dst receives `count` values and `dotExtension(dot, count)` corrections
 */
export function convertActivations(
  dot: DotType,
  src: Float32Array,
  srcOffset: number,
  count: number,
  dst: Float64Array,
  dstOffset: number,
): void {
  switch (dot) {
    case 'F32':
      for (let i = 0; i < count; i++) dst[dstOffset + i] = src[srcOffset + i] as number;
      return;
    case 'F16':
      for (let i = 0; i < count; i++) dst[dstOffset + i] = f16ToF32(f32ToF16(src[srcOffset + i] as number));
      return;
    case 'BF16':
      for (let i = 0; i < count; i++) dst[dstOffset + i] = bf16ToF32(f32ToBf16(src[srcOffset + i] as number));
      return;
    case 'Q8_0':
      for (let i = 0; i < count; i += QK8) convertBlockQ8(src, srcOffset + i, dst, dstOffset + i);
      return;
    case 'Q8_1':
      for (let i = 0; i < count; i += QK8) {
        const correction = convertBlockQ8(src, srcOffset + i, dst, dstOffset + i);
        dst[dstOffset + count + i / QK8] = correction;
      }
      return;
    case 'Q8_K':
      for (let i = 0; i < count; i += QK_K) convertBlockQ8K(src, srcOffset + i, dst, dstOffset + i);
  }
}

/** One block of Q8_0 or Q8_1, 32 values; returns s − d·Σq of Q8_1. */
function convertBlockQ8(src: Float32Array, from: number, dst: Float64Array, to: number): number {
  const max = simdAbsMax(src, from);
  const d = fround(max / 127);
  const inverse = max !== 0 ? fround(127 / max) : 0;
  const storedD = f16ToF32(f32ToF16(d));
  let sum = 0;
  let wideSum = 0;
  for (let i = 0; i < QK8; i++) {
    const wide = toInt32(roundHalfEven(fround((src[from + i] as number) * inverse)));
    const q = wide > 127 ? 127 : wide < -128 ? -128 : wide;
    wideSum = (wideSum + wide) | 0; // s is summed before the codes are cut to int8
    sum += q;
    dst[to + i] = q * storedD;
  }
  return f16ToF32(f32ToF16(fround(d * fround(wideSum)))) - storedD * sum;
}

/** |x|'s maximum over 32 values in the order of the AVX2 code, which decides what becomes of a NaN. */
function simdAbsMax(src: Float32Array, from: number): number {
  // MAXPS gives its second operand where the two do not compare.
  const maxps = (a: number, b: number): number => (a > b ? a : b);
  const lane = (i: number): number => {
    let max = Math.abs(src[from + i] as number);
    for (let j = i + 8; j < QK8; j += 8) max = maxps(max, Math.abs(src[from + j] as number));
    return max;
  };
  const quad = (i: number): number => maxps(lane(i + 4), lane(i));
  const pair = (i: number): number => maxps(quad(i), quad(i + 2));
  return maxps(pair(0), pair(1));
}

/** `_mm256_round_ps` to nearest, ties to even; |x| ≤ 127, or NaN. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** `_mm256_cvtps_epi32`: what is no int32, NaN included, becomes the least one. */
function toInt32(x: number): number {
  return Math.abs(x) < 2 ** 31 ? x : -(2 ** 31);
}

/** One block of Q8_K, 256 values. */
function convertBlockQ8K(src: Float32Array, from: number, dst: Float64Array, to: number): void {
  let max = 0;
  let absMax = 0;
  for (let i = 0; i < QK_K; i++) {
    const x = src[from + i] as number;
    if (Math.abs(x) > absMax) {
      absMax = Math.abs(x);
      max = x;
    }
  }
  if (absMax === 0) {
    dst.fill(0, to, to + QK_K);
    return;
  }
  const inverse = fround(-127 / max);
  const d = fround(1 / inverse);
  for (let i = 0; i < QK_K; i++) dst[to + i] = nearestInt8(fround(inverse * (src[from + i] as number))) * d;
}

const magicF32 = new Float32Array(1);
const magicI32 = new Int32Array(magicF32.buffer);

/** `nearest_int` of ggml-quants.c, then a store as int8: adding 1.5 × 2²³ leaves the rounded integer in the mantissa. */
function nearestInt8(x: number): number {
  magicF32[0] = x + 12582912;
  const v = ((magicI32[0] as number) & 0x7fffff) - 0x400000;
  return v > 127 ? 127 : (v << 24) >> 24;
}

/**
 * The mins of a row of weights whose dot type is Q8_1: the partners of the corrections above.
 * @param src bytes of `blocks` blocks of Q4_1 or Q5_1; both hold d and m first, as f16
 */
export function readBlockMins(
  src: Uint8Array,
  srcOffset: number,
  blocks: number,
  blockBytes: number,
  dst: Float32Array,
  dstOffset: number,
): void {
  for (let b = 0, at = srcOffset + 2; b < blocks; b++, at += blockBytes) {
    dst[dstOffset + b] = f16ToF32((src[at] as number) | ((src[at + 1] as number) << 8));
  }
}
