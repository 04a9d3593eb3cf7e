// e^x and e^x - 1 over the whole range of finite x, as bits: infinity where they exceed f32.
//! require lib/exp.wgsl
//! require lib/ieee.wgsl
fn exp_bits(x: f32) -> u32 {
  if (x > 0x1.62e42ep6) {
    return POSITIVE_INFINITY;
  }
  if (x > 88.0) {
    return bitcast<u32>(exp_f32(x - 1.0) * 2.71828182845904523536);
  }
  return bitcast<u32>(exp_f32(x));
}

// e^x - 1 without cancellation, for x < 88.
fn expm1_f32(x: f32) -> f32 {
  if (x < -18.0) {
    return -1.0;
  }
  let parts = exp_parts(x);
  let power = power_of_two(parts.x);
  return power * parts.y + (power - 1.0);
}

fn expm1_bits(x: f32) -> u32 {
  if (x > 18.0) {
    return exp_bits(x); // the 1 is below half an ulp
  }
  return bitcast<u32>(expm1_f32(x));
}
