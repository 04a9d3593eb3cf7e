// The hyperbolic tangent of any finite x, without cancellation.
//! require lib/exp-bits.wgsl
fn tanh_f32(x: f32) -> f32 {
  let e = expm1_f32(2.0 * min(abs(x), 10.0));
  return sign(x) * (e / (e + 2.0));
}
