// A plain copy, the peer that the decode kernel's speed is measured against. One invocation moves 16 bytes.
//! require lib/invocation.wgsl
struct Params {
  quads: u32, // of words
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> src0: array<vec4<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let quad = invocation_index(workgroup, workgroups, local);
  if (quad < params.quads) {
    dst[quad] = src0[quad];
  }
}
