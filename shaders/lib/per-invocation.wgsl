// The entry of a kernel whose invocations are numbered. The op declares `fn invoke(index: u32)` and returns where its
// index is past the last: a dispatch is rounded up to whole workgroups.
//! require lib/invocation.wgsl
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  invoke(invocation_index(workgroup, workgroups, local));
}
