// UPSCALE to the nearest element: dst[i] = src0[j(i)] in every dimension.
//! require lib/per-element.wgsl
//! require lib/move.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> aux: array<u32>; // j of dimension 0, then of 1, 2 and 3

fn element(at: vec4<u32>) {
  let ne = params.dst.ne;
  let entries = at + vec4<u32>(0u, ne.x, ne.x + ne.y, ne.x + ne.y + ne.z);
  let origin = vec4<u32>(aux[entries.x], aux[entries.y], aux[entries.z], aux[entries.w]);
  move_element(address(params.dst, at), address(params.src0, origin));
}
