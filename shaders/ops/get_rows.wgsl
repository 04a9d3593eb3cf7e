// GET_ROWS: row i of dst is row ids[i] of src0, decoded. One invocation decodes one group.
//! require lib/tensor.wgsl
//! require lib/weights.wgsl
//! require quant
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/per-invocation.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // ne[1] counts the rows in this binding
  src1: Tensor, // row indices, I32
  node: u32, // index in graph.order
  row_first: u32, // row of the whole tensor that row 0 of this binding is
}
@group(0) @binding(0) var<uniform> params: Params;

fn invoke(index: u32) {
  let ids = params.src1;
  let groups = (params.dst.ne.x + GROUP - 1u) / GROUP;
  let at = coordinates(index / groups, vec4<u32>(ids.ne.xyz, 1u));
  if (at.z >= ids.ne.z) {
    return;
  }
  // a row of another binding wraps around to a large number
  let row_index = src1_bits(address(ids, at)) - params.row_first;
  if (row_index >= params.src0.ne.y) {
    return;
  }
  let row = address(params.src0, vec4<u32>(0u, row_index, at.y, at.z));
  let first = (index % groups) * GROUP;
  let end = min(first + GROUP, params.dst.ne.x);
  let scale = load_scale(row, first);
  for (var k = first; k < end; k += 4u) {
    let values = decode4(row, k, scale);
    for (var i = 0u; i < min(4u, end - k); i++) {
      store(address(params.dst, vec4<u32>(k + i, at.xyz)), values[i]);
    }
  }
}
