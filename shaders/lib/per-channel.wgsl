// The entry of the recurrent kernels: one invocation per channel of a head of a sequence walks through the sequence's
// tokens. The op declares `fn channel(at: vec3<u32>)`, which gets (channel, head, sequence), and has in its Params how many
// there are: `channels`, `heads`, `sequences`. The state that a channel carries along lies in dst, where no other
// invocation looks.
//! require lib/tensor.wgsl
//! require lib/invocation.wgsl
//! require lib/dst-f32.wgsl
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let extents = vec4<u32>(params.channels, params.heads, params.sequences, 1u);
  let at = coordinates(invocation_index(workgroup, workgroups, local), extents);
  if (at.w == 0u) {
    channel(at.xyz);
  }
}

// Byte address of an element of dst, which is contiguous.
fn result(index: u32) -> u32 {
  return params.dst.offset + 4u * index;
}
