// e^x to about 1 ulp. WGSL's exp may be off by 3 + 2|x| ulp, which a softmax over large scores shows.
//
//   x = n ln2 + r, |r| <= ln2/2;  e^x = 2^n e^r
//
// ln2 is split so that n * LN2_HIGH is exact (n has at most 8 bits, LN2_HIGH 15).
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = 1.42860682030941723212e-6;
const LOG2_E = 1.44269504088896340736;

// n, and e^r - 1
fn exp_parts(x: f32) -> vec2<f32> {
  let n = floor(x * LOG2_E + 0.5);
  let r = (x - n * LN2_HIGH) - n * LN2_LOW;
  // Taylor to r^8: the rest is below 2^-29 of r for |r| <= 0.347
  var p = 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return vec2<f32>(n, r + r * r * p);
}

// 2^n for -126 <= n <= 127
fn power_of_two(n: f32) -> f32 {
  return bitcast<f32>(u32(i32(n) + 127) << 23u);
}

fn exp_f32(x: f32) -> f32 {
  // Below, the result is no normal number; above, it would be infinite. Callers clamp or want 0.
  if (x < -87.0) {
    return 0.0;
  }
  let parts = exp_parts(min(x, 88.0));
  return (1.0 + parts.y) * power_of_two(parts.x);
}
