// RMS_NORM: dst = src0 / sqrt(mean(src0^2) + epsilon) per row. One workgroup per row; 64 partial sums, then a tree.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/invocation.wgsl
//! require lib/reduce.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let ne = params.src0.ne;
  let at = coordinates(workgroup_index(workgroup, workgroups), vec4<u32>(ne.yzw, 1u));
  if (at.z >= ne.w) {
    return;
  }
  var squares = 0.0;
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let x = src0_f32(address(params.src0, vec4<u32>(i, at.xyz)));
    squares += x * x;
  }
  let mean = sum_lanes(squares, lane) / f32(ne.x);
  let scale = 1.0 / sqrt(mean + 1e-6);
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let element = vec4<u32>(i, at.xyz);
    store(address(params.dst, element), src0_f32(address(params.src0, element)) * scale);
  }
}
