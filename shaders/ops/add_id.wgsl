// ADD_ID: dst = src0 + row ids[i1, i2] of src1: the biases of the experts chosen.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor, // one row per expert
  src2: Tensor, // experts, I32 or the low word of I64
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let expert = src2_bits(address(params.src2, vec4<u32>(at.yz, 0u, 0u)));
  if (expert < params.src1.ne.y) {
    let bias = src1_f32(address(params.src1, vec4<u32>(at.x, expert, 0u, 0u)));
    store(address(params.dst, at), src0_f32(address(params.src0, at)) + bias);
  }
}
