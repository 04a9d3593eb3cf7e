// SET_ROWS: row ids[i] of dst becomes row i of src0 (ids broadcast over dimensions 2 and 3). One invocation per element.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require dst
//! require lib/per-invocation.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor, // row indices, I32 or the low word of I64
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn invoke(index: u32) {
  let at = coordinates(index, params.src0.ne);
  if (at.w >= params.src0.ne.w) {
    return;
  }
  let ids = params.src1;
  let id = src1_bits(address(ids, vec4<u32>(at.y, at.z % ids.ne.y, at.w % ids.ne.z, 0u)));
  let row = select(id, 0u, params.src0.ne.y == 1u); // a single row always goes to the first
  if (row >= params.dst.ne.y) {
    return;
  }
  store_bits(address(params.dst, vec4<u32>(at.x, row, at.zw)), src0_bits(address(params.src0, at)));
}
