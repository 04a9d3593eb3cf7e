// Logits of a soft max: infinities and NaNs by their bits, since WGSL need not keep them through arithmetic. A logit is a
// number, or LOWEST where it is absent (minus infinity), or HIGHEST where it is undefined (infinity or NaN): the greatest
// logit of a row tells all.
//! require lib/exp.wgsl
//! require lib/ieee.wgsl
const LOWEST = -0x1.fffffep127;
const HIGHEST = 0x1.fffffep127;
// The largest number that is no marker.
const LARGEST = 0x1.fffffcp127;

fn logit_of(bits: u32) -> f32 {
  if (!is_special(bits)) {
    return clamp(bitcast<f32>(bits), -LARGEST, LARGEST);
  }
  return select(HIGHEST, LOWEST, bits == (POSITIVE_INFINITY | SIGN));
}

// A score times a finite scale.
fn scaled_logit(bits: u32, scale: f32) -> f32 {
  return logit_of(multiply_bits(bits, bitcast<u32>(scale)));
}

// A logit and its mask times a slope.
fn masked_logit(logit: f32, mask: u32, slope: f32) -> f32 {
  let bias = logit_of(multiply_bits(mask, bitcast<u32>(slope)));
  if (logit == HIGHEST || bias == HIGHEST) {
    return HIGHEST;
  }
  if (logit == LOWEST || bias == LOWEST) {
    return LOWEST;
  }
  return logit_of(bitcast<u32>(logit + bias));
}

// e^(logit - top), 0 for an absent logit.
fn power_of(logit: f32, top: f32) -> f32 {
  return select(exp_f32(logit - top), 0.0, logit == LOWEST);
}
