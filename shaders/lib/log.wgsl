// Natural logarithms to about 1 ulp. WGSL's log may be off by 2^-21 where the result is near 0.
//
//   x = 2^n m, sqrt(1/2) <= m < sqrt(2);  log x = n ln2 + log m
//   log m = 2 atanh s,  s = (m - 1) / (m + 1),  written as f - (f^2/2 - s (f^2/2 + R(s^2))), f = m - 1
//
// The second form keeps f, which is exact, apart from all that rounds. R is the series of 2 atanh s past its first term,
// over s: 2/3 z + 2/5 z^2 + ..., z = s^2 <= 0.0295.
// n * LN2_HIGH is exact, as in exp.
//! require lib/exp.wgsl

// log(1 + f) + error for |f| < 0.42; `error` is small
fn log_of_one_plus(n: f32, f: f32, error: f32) -> f32 {
  let s = f / (2.0 + f);
  let z = s * s;
  var r = 2.0 / 13.0;
  r = r * z + 2.0 / 11.0;
  r = r * z + 2.0 / 9.0;
  r = r * z + 2.0 / 7.0;
  r = r * z + 2.0 / 5.0;
  r = r * z + 2.0 / 3.0;
  let square = 0.5 * f * f;
  let low = square - (s * (square + z * r) + (n * LN2_LOW + error));
  return n * LN2_HIGH + (f - low);
}

// Of finite x > 0, subnormals too. Zeros, negative numbers, infinity and NaN are for callers to tell apart by their bits.
fn log_f32(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  // a subnormal's leading one moves to bit 23
  let shift = select(0u, countLeadingZeros(bits) - 8u, bits < 0x00800000u);
  let mantissa = (bits << shift) & 0x007fffffu;
  let exponent = select(i32(bits >> 23u), 1 - i32(shift), shift > 0u);
  // above sqrt(2) the next power of two is nearer
  let above = mantissa > 0x3504f3u;
  let m = bitcast<f32>(mantissa | select(0x3f800000u, 0x3f000000u, above));
  let n = exponent - 127 + select(0, 1, above);
  return log_of_one_plus(f32(n), m - 1.0, 0.0);
}

// log(1 + x), also for x so small that 1 + x rounds to 1. Of finite x > -1.
fn log1p_f32(x: f32) -> f32 {
  if (x > -0.29289 && x < 0.41421) {
    return log_of_one_plus(0.0, x, 0.0);
  }
  let u = 1.0 + x;
  let bits = bitcast<u32>(u);
  let mantissa = bits & 0x007fffffu;
  let above = mantissa > 0x3504f3u;
  let m = bitcast<f32>(mantissa | select(0x3f800000u, 0x3f000000u, above));
  let n = i32(bits >> 23u) - 127 + select(0, 1, above);
  // what the sum lost: without it (a compiler may fold it to 0) the result is another ulp off
  let lost = select(1.0 - (u - x), x - (u - 1.0), x < 1.0);
  return log_of_one_plus(f32(n), m - 1.0, lost / u);
}
