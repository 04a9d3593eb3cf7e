// FILL: the same value everywhere.
//! require lib/per-element.wgsl
//! require dst
struct Params {
  dst: Tensor,
  node: u32, // index in graph.order
  value_bits: u32, // of the f32: it may be an infinity
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  store_bits(address(params.dst, at), params.value_bits);
}
