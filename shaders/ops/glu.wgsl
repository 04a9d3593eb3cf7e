// GLU (SWIGLU, GEGLU, REGLU): dst = activate(src0) * src1. Where one tensor holds both halves, both sources are views of
// it, made by the executor.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/invocation.wgsl
//! require lib/activations.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // goes through the activation
  src1: Tensor,
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
  let gated = activate(src0_f32(address(params.src0, at)));
  store(address(params.dst, at), gated * src1_f32(address(params.src1, at)));
}
