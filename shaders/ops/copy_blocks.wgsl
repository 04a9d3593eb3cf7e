// CPY, CONT, DUP of blocks: the decoded elements go to memory order of another shape. One invocation decodes one group.
//! require lib/tensor.wgsl
//! require lib/weights.wgsl
//! require quant
//! require dst
//! require lib/per-invocation.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn invoke(index: u32) {
  let ne = params.src0.ne;
  let groups = (ne.x + GROUP - 1u) / GROUP;
  let at = coordinates(index / groups, vec4<u32>(ne.yzw, 1u));
  if (at.z >= ne.w) {
    return;
  }
  let row = address(params.src0, vec4<u32>(0u, at.xyz));
  let row_start = (index / groups) * ne.x;
  let first = (index % groups) * GROUP;
  let end = min(first + GROUP, ne.x);
  let scale = load_scale(row, first);
  for (var k = first; k < end; k += 4u) {
    let values = decode4(row, k, scale);
    for (var i = 0u; i < min(4u, end - k); i++) {
      store(address(params.dst, coordinates(row_start + k + i, params.dst.ne)), values[i]);
    }
  }
}
