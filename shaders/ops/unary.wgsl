// UNARY: SILU, GELU, RELU of every element.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/invocation.wgsl
//! require lib/activations.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

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
  store(address(params.dst, at), activate(src0_f32(address(params.src0, at))));
}
