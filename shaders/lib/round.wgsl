// Wide numbers as the nearest f32, ties to even, by integers: WGSL leaves the rounding of conversions open.

// sign: 0 or 0x80000000. The magnitude is significand * 2^(exponent - 158): its leading one is bit 31, of weight
// 2^(exponent - 127); bit 0 also stands for any bits below.
fn round_to_f32(sign: u32, exponent: i32, significand: u32) -> f32 {
  if (exponent >= 255) {
    return bitcast<f32>(sign | 0x7f800000u);
  }
  // subnormal results keep fewer bits; below half the least of them all bits go
  let shift = select(8u, u32(9 - exponent), exponent < 1);
  if (shift > 32u) {
    return bitcast<f32>(sign);
  }
  if (shift == 32u) {
    return bitcast<f32>(sign | select(0u, 1u, significand > 0x80000000u));
  }
  let kept = significand >> shift;
  let rest = significand & ((1u << shift) - 1u);
  let half = 1u << (shift - 1u);
  let up = select(0u, 1u, rest > half || (rest == half && (kept & 1u) == 1u));
  // the leading one of a normal number adds 1 to the exponent; so does a carry
  let bits = (u32(max(exponent, 1) - 1) << 23u) + kept + up;
  return bitcast<f32>(sign | bits);
}

// 64 bits of a magnitude.
fn round_magnitude(sign: u32, high: u32, low: u32) -> f32 {
  if (high == 0u) {
    if (low == 0u) {
      return 0.0;
    }
    let zeros = countLeadingZeros(low);
    return round_to_f32(sign, 158 - i32(zeros), low << zeros);
  }
  let zeros = countLeadingZeros(high);
  // two shifts: by 32 there is none
  let top = (high << zeros) | ((low >> 1u) >> (31u - zeros));
  return round_to_f32(sign, 190 - i32(zeros), top | select(0u, 1u, (low << zeros) != 0u));
}

fn i64_to_f32(high: u32, low: u32) -> f32 {
  if ((high & 0x80000000u) == 0u) {
    return round_magnitude(0u, high, low);
  }
  return round_magnitude(0x80000000u, ~high + select(0u, 1u, low == 0u), ~low + 1u);
}

fn f64_to_f32(high: u32, low: u32) -> f32 {
  let sign = high & 0x80000000u;
  let exponent = (high >> 20u) & 0x7ffu;
  let mantissa = high & 0xfffffu;
  if (exponent == 0x7ffu) {
    // infinity, or a NaN made quiet with the upper part of its payload
    let payload = (mantissa << 3u) | (low >> 29u);
    let quiet = select(0x400000u, 0u, (mantissa | low) == 0u);
    return bitcast<f32>(sign | 0x7f800000u | payload | quiet);
  }
  if (exponent == 0u) {
    return bitcast<f32>(sign); // far below the least f32
  }
  let significand = 0x80000000u | (mantissa << 11u) | (low >> 21u);
  return round_to_f32(sign, i32(exponent) - 896, significand | select(0u, 1u, (low & 0x1fffffu) != 0u));
}
