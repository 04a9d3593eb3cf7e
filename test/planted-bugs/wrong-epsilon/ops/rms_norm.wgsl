// RMS_NORM: dst = src0 / sqrt(mean(src0^2) + epsilon) per row. One workgroup per row; 64 partial sums, then a tree.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/reduce.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn row(at: vec3<u32>, lane: u32) {
  let ne = params.src0.ne;
  var squares = 0.0;
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let x = src0_f32(address(params.src0, vec4<u32>(i, at)));
    squares += x * x;
  }
  let mean = sum_lanes(squares, lane) / f32(ne.x);
  let scale = 1.0 / sqrt(mean + 1e-6);
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let element = vec4<u32>(i, at);
    store(address(params.dst, element), src0_f32(address(params.src0, element)) * scale);
  }
}
