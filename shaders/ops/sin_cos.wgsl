// SIN, COS of every element.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/ieee.wgsl
//! require lib/radians.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let bits = src0_bits(address(params.src0, at));
  let to = address(params.dst, at);
  if (is_special(bits)) {
    store_bits(to, NAN);
  } else {
    let both = cosine_sine_of(bits);
    store(to, select(both.y, both.x, COSINE));
  }
}
