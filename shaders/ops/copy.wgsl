// CPY, CONT, DUP: elements in memory order of the one shape go to memory order of the other, converted.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/invocation.wgsl
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
  let index = invocation_index(workgroup, workgroups, local);
  let at = coordinates(index, params.dst.ne);
  if (at.w >= params.dst.ne.w) {
    return;
  }
  let source = address(params.src0, coordinates(index, params.src0.ne));
  store_bits(address(params.dst, at), src0_bits(source));
}
