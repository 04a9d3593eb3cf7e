// The entry of a kernel with one workgroup per row of source 0. The op declares `fn row(at: vec3<u32>, lane: u32)`: the
// row's coordinates in dimensions 1 to 3, and which of the row's WORKGROUP invocations this is.
//! require lib/tensor.wgsl
//! require lib/invocation.wgsl
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = coordinates(workgroup_index(workgroup, workgroups), vec4<u32>(params.src0.ne.yzw, 1u));
  if (at.z < params.src0.ne.w) {
    row(at.xyz, lane);
  }
}
