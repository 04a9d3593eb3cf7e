// Angles as fractions of a turn, as in turns.wgsl, of time that is an f32.
//! require lib/turns.wgsl

// `x` * frequency in turns * 2^32, whole turns dropped; of a finite x below 2^88.
// frequency: turns per unit * 2^64, below 1 turn; upper and lower word
fn phase_of_float(x: f32, frequency: vec2<u32>) -> u32 {
  let bits = bitcast<u32>(x);
  let biased = i32((bits >> 23u) & 0xffu);
  let mantissa = (bits & 0x7fffffu) | select(0u, 0x800000u, biased > 0);
  // mantissa * frequency * 2^64: whole turns, then the upper and the lower word of the fraction
  let low = mantissa * frequency.y;
  let carried = multiply_high(mantissa, frequency.y);
  let middle = mantissa * frequency.x + carried;
  let turns = multiply_high(mantissa, frequency.x) + select(0u, 1u, middle < carried);
  let phase = shifted(vec3<u32>(turns, middle, low), max(biased, 1) - 150);
  return select(phase, ~phase + 1u, bits >= 0x80000000u);
}

// The middle word of 96 bits, upper first, shifted to the left; to the right where `shift` is negative.
fn shifted(words: vec3<u32>, shift: i32) -> u32 {
  let upwards = u32(clamp(shift, 0, 63));
  let downwards = u32(clamp(-shift, 0, 63));
  let bits = (upwards | downwards) & 31u;
  // two shifts: by 32 there is none
  let crossing = 31u - bits;
  if (shift >= 32) {
    return words.z << bits;
  }
  if (shift >= 0) {
    return (words.y << bits) | ((words.z >> 1u) >> crossing);
  }
  if (shift > -32) {
    return (words.y >> bits) | ((words.x << 1u) << crossing);
  }
  return words.x >> bits;
}
