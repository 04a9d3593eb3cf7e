/**
 * Floats as bits: f16, bf16 and f32 conversions, and the distance of two f32 in ULP. Equal bits with ggml's
 * `ggml_fp16_to_fp32`, `ggml_fp32_to_fp16`, `ggml_bf16_to_fp32`, `ggml_fp32_to_bf16` (ggml-impl.h, llama.cpp v0.4.0).
 */

const scratchF32 = new Float32Array(1);
const scratchU32 = new Uint32Array(scratchF32.buffer);

/** The bits of `x` rounded to f32, as an unsigned 32-bit integer. A NaN's payload is whatever the engine kept. */
export function f32Bits(x: number): number {
  scratchF32[0] = x;
  return scratchU32[0] as number;
}

/** The f32 with these bits. A NaN's payload may be lost on the way through a number. */
export function f32FromBits(bits: number): number {
  scratchU32[0] = bits;
  return scratchF32[0] as number;
}

/**
 * f32 bits of an f16, computed on integers.
 *
 *     f16   s eeeee mmmmmmmmmm                     bias 15
 *     f32   s eeeeeeee mmmmmmmmmm0000000000000     bias 127
 *
 * Subnormals become normal f32; signalling NaNs become quiet and keep sign and payload, as ggml's multiplication does.
 */
function f16ToF32Bits(h: number): number {
  const sign = (h & 0x8000) << 16;
  const exponent = (h >>> 10) & 0x1f;
  const mantissa = h & 0x3ff;
  if (exponent === 0x1f) {
    const quiet = mantissa === 0 ? 0 : 0x400000;
    return (sign | 0x7f800000 | quiet | (mantissa << 13)) >>> 0;
  }
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // mantissa × 2⁻²⁴: move its leading one to bit 10, where it becomes the hidden bit.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0;
}

/** f32 bits of every f16, indexed by its 16 bits: decoders look up instead of computing. */
export const F16_TO_F32_BITS: Uint32Array<ArrayBuffer> = Uint32Array.from({ length: 0x10000 }, (_, h) =>
  f16ToF32Bits(h),
);

/** The same table seen as f32 values. */
export const F16_TO_F32: Float32Array<ArrayBuffer> = new Float32Array(F16_TO_F32_BITS.buffer);

/** The value of an f16 given by its 16 bits. */
export function f16ToF32(h: number): number {
  return F16_TO_F32[h & 0xffff] as number;
}

/**
 * Values of f8 e4m3 (the "fn" kind of PyTorch and the OCP specification), by bits: bias 7, no infinity.
 *
 *     s eeee mmm    e = 0: mmm × 2⁻⁹;  s 1111 111: NaN
 */
export const F8_E4M3_TO_F32: Float32Array<ArrayBuffer> = Float32Array.from({ length: 0x100 }, (_, bits) => {
  const [exponent, mantissa] = [(bits >>> 3) & 0xf, bits & 7];
  if ((bits & 0x7f) === 0x7f) return NaN;
  const size = exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10);
  return bits & 0x80 ? -size : size;
});

/**
 * The f16 nearest to `x` (first rounded to f32), ties to even; beyond 65504 by half a step or more: infinity.
 * Every NaN becomes 0x7e00 with its sign.
 */
export function f32ToF16(x: number): number {
  scratchF32[0] = x;
  const bits = scratchU32[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 is half way to 2¹⁶ and ties to the even infinity
  if (magnitude >= 0x38800000) {
    // normal: rebias by -112, add just under half a step (a full half if the kept part is odd), drop 13 bits
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign; // below 2⁻²⁵, half the least subnormal
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const kept = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept);
}

/** The value of a bf16 given by its 16 bits: the upper half of an f32. */
export function bf16ToF32(b: number): number {
  return f32FromBits(b << 16);
}

/** The bf16 nearest to `x` (first rounded to f32), ties to even; NaNs become quiet and keep the upper payload. */
export function f32ToBf16(x: number): number {
  scratchF32[0] = x;
  const bits = scratchU32[0] as number;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/**
 * How many f32 lie between two values: 0 for equal values (−0 and +0 are equal), 1 for neighbours. Both NaN: 0;
 * one NaN: Infinity. Infinity is the neighbour of the largest finite value.
 */
export function ulpDistance(a: number, b: number): number {
  const x = f32Bits(a);
  const y = f32Bits(b);
  const aNaN = (x & 0x7fffffff) > 0x7f800000;
  const bNaN = (y & 0x7fffffff) > 0x7f800000;
  if (aNaN || bNaN) return aNaN && bNaN ? 0 : Infinity;
  return Math.abs(ordered(x) - ordered(y));
}

/** Maps f32 bits to an integer that grows with the value: sign and magnitude to signed. */
function ordered(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  return bits >>> 31 === 0 ? magnitude : -magnitude;
}
