// SSM_CONV: a causal convolution along time, per channel. dst[c, t, s] = sum over i of src0[t + i, c, s] * src1[i, c],
// i ascending.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // time, channel, sequence
  src1: Tensor, // tap, channel
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let c = at.x;
  var sum = 0.0;
  for (var i = 0u; i < params.src1.ne.x; i++) {
    let x = src0_f32(address(params.src0, vec4<u32>(at.y + i, c, at.z, 0u)));
    sum += x * src1_f32(address(params.src1, vec4<u32>(i, c, 0u, 0u)));
  }
  store(address(params.dst, at), sum);
}
