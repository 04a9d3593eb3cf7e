// f16 by integers alone: the builtins (pack2x16float, unpack2x16float) may flush subnormals, and a GPU's rounding is its
// own affair.
//
//   f16   s eeeee mmmmmmmmmm                     bias 15
//   f32   s eeeeeeee mmmmmmmmmm0000000000000     bias 127
//
// Without branches: a mat-mul decodes millions, and invocations run in step.
fn f16_to_f32(half: u32) -> f32 {
  let sign = (half & 0x8000u) << 16u;
  let exponent = (half >> 10u) & 0x1fu;
  let mantissa = half & 0x3ffu;
  let normal = ((exponent + 112u) << 23u) | (mantissa << 13u);
  // mantissa * 2^-24 is a normal f32
  let subnormal = bitcast<u32>(f32(mantissa) * 0x1p-24);
  // infinity, or a NaN made quiet with its payload kept, as ggml's multiplication does
  let special = 0x7f800000u | (mantissa << 13u) | select(0x400000u, 0u, mantissa == 0u);
  return bitcast<f32>(sign | select(select(normal, subnormal, exponent == 0u), special, exponent == 0x1fu));
}

// The f16 nearest to the f32 with these bits, ties to even; as ggml_fp32_to_fp16. NaNs become 0x7e00 with their sign.
fn f32_bits_to_f16(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return sign | 0x7e00u;
  }
  if (magnitude >= 0x477ff000u) {
    return sign | 0x7c00u; // 65520 is half way to 2^16 and ties to the even infinity
  }
  if (magnitude >= 0x38800000u) {
    return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
  }
  if (magnitude < 0x33000000u) {
    return sign; // below half the least subnormal
  }
  let shift = 126u - (magnitude >> 23u);
  let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  let kept = mantissa >> shift;
  let rest = mantissa & ((1u << shift) - 1u);
  let half = 1u << (shift - 1u);
  return sign | select(kept, kept + 1u, rest > half || (rest == half && (kept & 1u) == 1u));
}
