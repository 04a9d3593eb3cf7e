// Sines and cosines of any f32 in radians, to about 2 ulp. WGSL's own are good to 2^-11, and only between -pi and pi.
//
//   |x| = m 2^e with m of 24 bits;  |x| 2/pi = 4 k + quadrant + rest,  -1/2 <= rest < 1/2
//
// Of 2/pi only the 96 bits matter whose product with m is below 4 and not below 2^-70.
//! require lib/round.wgsl
//! require lib/turns.wgsl

// Bits 32 i .. 32 i + 31 of 2/pi behind the point; two words of zeros come first.
fn two_over_pi(i: u32) -> u32 {
  switch (i) {
    case 2u: {
      return 0xa2f9836eu;
    }
    case 3u: {
      return 0x4e441529u;
    }
    case 4u: {
      return 0xfc2757d1u;
    }
    case 5u: {
      return 0xf534ddc0u;
    }
    case 6u: {
      return 0xdb629599u;
    }
    case 7u: {
      return 0x3c439041u;
    }
    case 8u: {
      return 0xfe5163abu;
    }
    default: {
      return 0u;
    }
  }
}

// 32 bits of the same from bit `at` on.
fn two_over_pi_bits(at: u32) -> u32 {
  let word = two_over_pi(at >> 5u);
  let shift = at & 31u;
  if (shift == 0u) {
    return word;
  }
  return (word << shift) | (two_over_pi((at >> 5u) + 1u) >> (32u - shift));
}

struct Quadrant {
  index: u32,
  angle: f32, // from the quadrant's middle, radians
}

// x: bits of a finite f32 of at least 2^-2
fn quadrant_of(x: u32) -> Quadrant {
  let m = (x & 0x7fffffu) | 0x800000u;
  // the first bit whose product with m can be below 4; e = exponent - 150
  let first = (x >> 23u) - 150u - 2u + 64u;
  let window = vec3<u32>(two_over_pi_bits(first), two_over_pi_bits(first + 32u), two_over_pi_bits(first + 64u));
  // the upper two words of m * window, modulo 4 * 2^62
  let tail = m * window.y + multiply_high(m, window.z);
  let carry = select(0u, 1u, tail < multiply_high(m, window.z));
  let head = m * window.x + multiply_high(m, window.y) + carry;
  let index = (head + 0x20000000u) >> 30u;
  // pi/2 * 2^-62
  return Quadrant(index, i64_to_f32(head - (index << 30u), tail) * 3.40612158008655459166e-19);
}

// Cosine and sine of the finite number with these bits.
fn cosine_sine_of(bits: u32) -> vec2<f32> {
  let x = bits & 0x7fffffffu;
  var place = Quadrant(0u, bitcast<f32>(x));
  if (x > 0x3f490fdau) { // pi/4
    place = quadrant_of(x);
  }
  let both = cosine_sine_in(place.index, place.angle);
  return select(both, vec2<f32>(both.x, -both.y), bits >= 0x80000000u);
}
