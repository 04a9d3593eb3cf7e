// DIAG, DIAG_MASK_INF, DIAG_MASK_ZERO, TRI: dst is src0 where column - row lies in a band, elsewhere one value.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // one row for DIAG
  node: u32, // index in graph.order
  band_first: i32,
  band_last: i32,
  other_bits: u32, // of the f32 outside of the band: -infinity must not go through arithmetic
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let diagonal = i32(at.x) - i32(at.y);
  var bits = params.other_bits;
  if (diagonal >= params.band_first && diagonal <= params.band_last) {
    bits = src0_bits(address(params.src0, vec4<u32>(at.x, at.y % params.src0.ne.y, at.zw)));
  }
  store_bits(address(params.dst, at), bits);
}
