// GET_ROWS of an I32 table: row i of dst is row ids[i] of src0, bit by bit. One invocation per element.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor, // row indices, I32 or the low word of I64
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let row = src1_bits(address(params.src1, vec4<u32>(at.yzw, 0u)));
  if (row < params.src0.ne.y) {
    store_bits(address(params.dst, at), src0_bits(address(params.src0, vec4<u32>(at.x, row, at.zw))));
  }
}
