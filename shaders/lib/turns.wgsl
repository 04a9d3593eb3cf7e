// Angles as fractions of a turn, by integers: position * frequency keeps every bit below a full turn, however large the
// position, where an f32 angle would lose them.

// The upper word of a * b.
fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

// The angle of `position` (an i32) in turns * 2^32, whole turns dropped.
// frequency: turns per position * 2^64, whole turns dropped; upper and lower word
fn phase_of(position: u32, frequency: vec2<u32>) -> u32 {
  let phase = position * frequency.x + multiply_high(position, frequency.y);
  // an i32 below zero is the u32 less 2^32
  return select(phase, phase - frequency.y, bitcast<i32>(position) < 0);
}

// frequency / factor, whole turns dropped, as long division bit by bit.
// frequency: turns per position * 2^64 in three words, upper first; factor: bits of a normal f32, or infinity; its sign does not count
fn divided_frequency(frequency: vec3<u32>, factor: u32) -> vec2<u32> {
  let exponent = i32((factor >> 23u) & 0xffu) - 127;
  let divisor = (factor & 0x7fffffu) | 0x800000u; // factor * 2^(23 - exponent)
  var digits = frequency;
  var rest = 0u;
  var quotient = vec2<u32>();
  for (var i = 0; i < 119 - exponent; i++) {
    rest = (rest << 1u) | (digits.x >> 31u);
    digits = (digits << vec3<u32>(1u)) | vec3<u32>(digits.yz >> vec2<u32>(31u), 0u);
    quotient = (quotient << vec2<u32>(1u)) | vec2<u32>(quotient.y >> 31u, 0u);
    if (rest >= divisor) {
      rest -= divisor;
      quotient.y |= 1u;
    }
  }
  return quotient;
}

// Cosine and sine of an angle `t` from the middle of a quadrant, |t| <= pi/4 radians, to 2^-24. WGSL's own are good to
// 2^-11 only.
fn cosine_sine_in(quadrant: u32, t: f32) -> vec2<f32> {
  let u = t * t;
  // Taylor: the rest is below 2^-28
  let c = 1.0 - u * (0.5 - u * (1.0 / 24.0 - u * (1.0 / 720.0 - u * (1.0 / 40320.0 - u * (1.0 / 3628800.0)))));
  let s = t - t * u * (1.0 / 6.0 - u * (1.0 / 120.0 - u * (1.0 / 5040.0 - u * (1.0 / 362880.0))));
  let turned = select(vec2<f32>(c, s), vec2<f32>(-s, c), (quadrant & 1u) == 1u);
  return select(turned, -turned, (quadrant & 2u) == 2u);
}

// Cosine and sine of an angle in turns * 2^32.
fn cosine_sine(phase: u32) -> vec2<f32> {
  let quadrant = (phase + 0x20000000u) >> 30u;
  // 2 pi / 2^32
  return cosine_sine_in(quadrant, f32(bitcast<i32>(phase - (quadrant << 30u))) * 1.46291807926715968105e-9);
}
