// ADD, MUL: src1 is repeated over src0's shape.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

const ADD = 0u;
const MUL = 1u;

fn element(at: vec4<u32>) {
  let a = src0_f32(address(params.src0, at));
  let b = src1_f32(address(params.src1, at % params.src1.ne));
  store(address(params.dst, at), select(a * b, a + b, OPERATOR == ADD));
}
