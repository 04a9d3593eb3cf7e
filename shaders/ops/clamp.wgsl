// CLAMP: dst = max(min(src0, high), low). NaN fails the comparisons and becomes `high`, as in ggml.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/ieee.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  low: f32,
  high: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let low = bitcast<u32>(params.low);
  let high = bitcast<u32>(params.high);
  let x = src0_bits(address(params.src0, at));
  let lower = select(high, x, is_less(x, high));
  store_bits(address(params.dst, at), select(low, lower, is_less(low, lower)));
}
