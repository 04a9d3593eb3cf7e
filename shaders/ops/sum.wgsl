// SUM, SUM_ROWS, MEAN: one workgroup per sum, over a row or over the whole tensor; 64 partial sums, then a tree.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/total.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  count: u32, // terms of a sum
  divisor: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup_index(workgroup, workgroups);
  let at = coordinates(index, params.dst.ne);
  if (at.w >= params.dst.ne.w) {
    return;
  }
  var terms = Total(0.0, 0.0, 0u);
  for (var i = lane; i < params.count; i += WORKGROUP) {
    let term = coordinates(index * params.count + i, params.src0.ne);
    terms = plus_bits(terms, src0_bits(address(params.src0, term)));
  }
  let sum = bits_of(total_of_lanes(terms, lane));
  if (lane == 0u) {
    store_bits(address(params.dst, at), divide_bits(sum, bitcast<u32>(params.divisor)));
  }
}
