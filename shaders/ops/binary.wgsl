// ADD, MUL: src1 is repeated over src0's shape.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/invocation.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

const ADD = 0u;
const MUL = 1u;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = coordinates(invocation_index(workgroup, workgroups, local), params.dst.ne);
  if (at.w >= params.dst.ne.w) {
    return;
  }
  let a = src0_f32(address(params.src0, at));
  let b = src1_f32(address(params.src1, at % params.src1.ne));
  store(address(params.dst, at), select(a * b, a + b, OPERATOR == ADD));
}
