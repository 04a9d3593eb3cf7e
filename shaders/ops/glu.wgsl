// GLU (SWIGLU, GEGLU, REGLU): dst = activate(src0) * src1. Where one tensor holds both halves, both sources are views of
// it, made by the executor.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/activations.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // goes through the activation
  src1: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let gated = activate(src0_f32(address(params.src0, at)));
  store(address(params.dst, at), gated * src1_f32(address(params.src1, at)));
}
