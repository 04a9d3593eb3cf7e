// UNARY: a function of every element; see lib/activations.wgsl.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/activations.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  at_infinity: u32, // bits of the function's value there; see AtSpecials
  at_minus_infinity: u32,
  at_nan: u32,
  alpha_n: f32, // XIELU's own
  alpha_p: f32,
  beta: f32,
  eps: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let specials = AtSpecials(params.at_infinity, params.at_minus_infinity, params.at_nan);
  let constants = vec4<f32>(params.alpha_n, params.alpha_p, params.beta, params.eps);
  store_bits(address(params.dst, at), activate(src0_bits(address(params.src0, at)), specials, constants));
}
