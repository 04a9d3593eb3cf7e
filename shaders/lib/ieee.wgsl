// f32 arithmetic on bits that keeps infinities and NaNs, which WGSL need not. What overflows becomes what the device
// makes of it: an infinity on all that are known.
//! require lib/sort-key.wgsl
const POSITIVE_INFINITY = 0x7f800000u;
const NAN = 0x7fc00000u;
const SIGN = 0x80000000u;
const ONE = 0x3f800000u;

fn magnitude_of(bits: u32) -> u32 {
  return bits & 0x7fffffffu;
}

fn is_nan(bits: u32) -> bool {
  return magnitude_of(bits) > POSITIVE_INFINITY;
}

fn is_infinite(bits: u32) -> bool {
  return magnitude_of(bits) == POSITIVE_INFINITY;
}

// An infinity or a NaN.
fn is_special(bits: u32) -> bool {
  return magnitude_of(bits) >= POSITIVE_INFINITY;
}

// A number above 0, subnormals too, which comparisons may take for 0.
fn is_positive(bits: u32) -> bool {
  return bits - 1u < POSITIVE_INFINITY;
}

// a < b; false with a NaN.
fn is_less(a: u32, b: u32) -> bool {
  return !is_nan(a) && !is_nan(b) && sort_key(a, false) < sort_key(b, false);
}

fn add_bits(a: u32, b: u32) -> u32 {
  if (is_nan(a) || is_nan(b) || (is_infinite(a) && b == (a ^ SIGN))) {
    return NAN;
  }
  if (is_infinite(a)) {
    return a;
  }
  if (is_infinite(b)) {
    return b;
  }
  return bitcast<u32>(bitcast<f32>(a) + bitcast<f32>(b));
}

// Below the least normal number, where a device may take it for 0.
fn is_subnormal(bits: u32) -> bool {
  return magnitude_of(bits) < 0x00800000u;
}

// A subnormal times 2^149, other numbers as they are.
fn unpacked(bits: u32) -> f32 {
  if (is_subnormal(bits)) {
    let whole = f32(magnitude_of(bits));
    return select(whole, -whole, bits >= SIGN);
  }
  return bitcast<f32>(bits);
}

// A subnormal times 2^75, other numbers as they are. Integers set the exponent, so that one constant undoes it: of two
// in a row NVIDIA's compiler makes one, and 2^149 is no f32.
fn raised(bits: u32) -> f32 {
  if (is_subnormal(bits) && magnitude_of(bits) != 0u) {
    return bitcast<f32>(bitcast<u32>(unpacked(bits)) - (74u << 23u));
  }
  return bitcast<f32>(bits);
}

fn multiply_bits(a: u32, b: u32) -> u32 {
  if (is_special(a) || is_special(b)) {
    let is_undefined = is_nan(a) || is_nan(b) || magnitude_of(a) == 0u || magnitude_of(b) == 0u;
    return select(POSITIVE_INFINITY | ((a ^ b) & SIGN), NAN, is_undefined);
  }
  if (is_subnormal(a) != is_subnormal(b)) {
    return bitcast<u32>(raised(a) * raised(b) * 0x1p-75);
  }
  return bitcast<u32>(bitcast<f32>(a) * bitcast<f32>(b));
}

fn divide_bits(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & SIGN;
  let is_undefined = (is_infinite(a) && is_infinite(b)) || (magnitude_of(a) == 0u && magnitude_of(b) == 0u);
  if (is_nan(a) || is_nan(b) || is_undefined) {
    return NAN;
  }
  if (is_infinite(a) || magnitude_of(b) == 0u) {
    return sign | POSITIVE_INFINITY;
  }
  if (is_infinite(b)) {
    return sign;
  }
  if (is_subnormal(a) && !is_subnormal(b)) {
    return bitcast<u32>(raised(a) / bitcast<f32>(b) * 0x1p-75);
  }
  if (is_subnormal(b) && !is_subnormal(a)) {
    return bitcast<u32>(bitcast<f32>(a) / raised(b) * 0x1p75);
  }
  // a device may divide by way of 1 / b, which beyond 2^126 is no normal number
  let scale = select(1.0, 0x1p-32, magnitude_of(b) > 0x7e000000u);
  return bitcast<u32>((unpacked(a) * scale) / (unpacked(b) * scale));
}

// Of a number that is not below 0. WGSL's own, which stays below 3 ulp.
fn root_of(bits: u32) -> u32 {
  return select(bitcast<u32>(sqrt(bitcast<f32>(bits))), bits, is_special(bits));
}
