// OUT_PROD: dst[m, n] = sum over k of src0[k, m] * src1[k, n]: source 0 is decoded along its rows, which are the columns
// of the result. One invocation computes four neighbours m of one column n.
//
// Order of the sum, all in f32: PART products first to last, the parts first to last.
//! require lib/tensor.wgsl
//! require lib/weights.wgsl
//! require quant
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/invocation.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

const PART = 32u;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let quads = vec4<u32>((params.dst.ne.x + 3u) / 4u, params.dst.ne.yzw);
  let at = coordinates(invocation_index(workgroup, workgroups, local), quads);
  if (at.w >= quads.w) {
    return;
  }
  let m = at.x * 4u;
  // ggml repeats each matrix of src0 for consecutive matrices of src1
  let matrix = at.zw / (params.src1.ne.zw / params.src0.ne.zw);
  let group = m - m % GROUP;
  var total = vec4<f32>();
  for (var begin = 0u; begin < params.src0.ne.y; begin += PART) {
    let end = min(begin + PART, params.src0.ne.y);
    var part = vec4<f32>();
    for (var k = begin; k < end; k++) {
      let row = address(params.src0, vec4<u32>(0u, k, matrix));
      part += decode4(row, m, load_scale(row, group)) * src1_f32(address(params.src1, vec4<u32>(at.y, k, at.zw)));
    }
    total += part;
  }
  for (var i = 0u; i < min(4u, params.dst.ne.x - m); i++) {
    store(address(params.dst, vec4<u32>(m + i, at.yzw)), total[i]);
  }
}
