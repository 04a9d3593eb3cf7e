// ARANGE: dst[i] = first + increment * i.
//! require lib/per-element.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  node: u32, // index in graph.order
  first: f32,
  increment: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  store(address(params.dst, at), params.first + params.increment * f32(at.x));
}
