// RMS_NORM: dst = src0 / sqrt(mean(src0^2) + epsilon) per row.
//! require lib/scaled-rows.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn factor_of(squares: u32, n: f32) -> u32 {
  let mean = divide_bits(squares, bitcast<u32>(n));
  return divide_bits(ONE, root_of(add_bits(mean, bitcast<u32>(1e-6))));
}
