// log(1 + e^x); from 20 on x itself, as ggml_compute_softplus_f32.
//! require lib/exp.wgsl
//! require lib/log.wgsl
fn softplus_f32(x: f32) -> f32 {
  if (x > 20.0) {
    return x;
  }
  return log1p_f32(exp_f32(x));
}
