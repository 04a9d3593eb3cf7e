// SCALE: dst = src0 * scale + bias.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  scale: f32,
  bias: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  store(address(params.dst, at), src0_f32(address(params.src0, at)) * params.scale + params.bias);
}
