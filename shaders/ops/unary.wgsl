// UNARY: SILU, GELU, RELU of every element.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/activations.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  store(address(params.dst, at), activate(src0_f32(address(params.src0, at))));
}
