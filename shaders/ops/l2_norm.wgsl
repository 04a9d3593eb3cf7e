// L2_NORM: dst = src0 / max(sqrt(sum of src0^2), epsilon) per row. A NaN among the squares gives way to epsilon, as
// fmaxf has it.
//! require lib/scaled-rows.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn factor_of(squares: u32, n: f32) -> u32 {
  let length = root_of(squares);
  let least = bitcast<u32>(params.epsilon);
  return divide_bits(ONE, select(least, length, is_less(least, length)));
}
