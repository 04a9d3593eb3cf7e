// LEAKY_RELU: dst = src0 where it is positive, slope * src0 where it is negative; 0 where it is NaN, as in ggml.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/ieee.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  slope: f32, // finite
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let x = src0_bits(address(params.src0, at));
  let to = address(params.dst, at);
  if (is_nan(x)) {
    store_bits(to, 0u);
  } else if (x >= SIGN) {
    store_bits(to, multiply_bits(x, bitcast<u32>(params.slope)));
  } else {
    store_bits(to, x);
  }
}
