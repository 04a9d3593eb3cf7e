// DSV4_HC_POST: dst[i, to, t] = src0[i, t] * src2[to, t] + sum over streams of src1[i, from, t] * src3[to, from, t], in
// this order.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/src3.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor, // n, streams, tokens
  src0: Tensor, // what the layer computed: n, tokens
  src1: Tensor, // residual: n, streams, tokens
  src2: Tensor, // post: streams, tokens
  src3: Tensor, // comb: to, from, tokens
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let x = src0_f32(address(params.src0, vec4<u32>(at.x, at.z, 0u, 0u)));
  var sum = x * src2_f32(address(params.src2, vec4<u32>(at.y, at.z, 0u, 0u)));
  for (var h = 0u; h < params.src1.ne.y; h++) {
    let residual = src1_f32(address(params.src1, vec4<u32>(at.x, h, at.z, 0u)));
    sum += residual * src3_f32(address(params.src3, vec4<u32>(at.y, h, at.z, 0u)));
  }
  store(address(params.dst, at), sum);
}
