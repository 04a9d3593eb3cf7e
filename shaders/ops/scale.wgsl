// SCALE: dst = src0 * scale + bias.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/ieee.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  scale: f32,
  bias: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let x = src0_bits(address(params.src0, at));
  let bias = bitcast<u32>(params.bias);
  let product = multiply_bits(x, bitcast<u32>(params.scale));
  if (is_special(product) || is_special(bias)) {
    store_bits(address(params.dst, at), add_bits(product, bias));
  } else {
    // one expression, which a device may round once
    store(address(params.dst, at), bitcast<f32>(x) * params.scale + params.bias);
  }
}
