// DSV4_HC_PRE: dst[i, t] = sum over streams of src0[i, h, t] * src1[h, t], first to last.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor, // n, tokens
  src0: Tensor, // n, streams, tokens
  src1: Tensor, // streams, tokens
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  var sum = 0.0;
  for (var h = 0u; h < params.src0.ne.y; h++) {
    let x = src0_f32(address(params.src0, vec4<u32>(at.x, h, at.y, 0u)));
    sum += x * src1_f32(address(params.src1, vec4<u32>(h, at.y, 0u, 0u)));
  }
  store(address(params.dst, at), sum);
}
