// The entry of a kernel with one invocation per element of dst. The op declares `fn element(at: vec4<u32>)`, which gets
// the coordinates of its element.
//! require lib/tensor.wgsl
//! require lib/invocation.wgsl
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = coordinates(invocation_index(workgroup, workgroups, local), params.dst.ne);
  if (at.w < params.dst.ne.w) {
    element(at);
  }
}
