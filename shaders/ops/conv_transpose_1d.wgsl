// CONV_TRANSPOSE_1D: every element of source 1 puts the kernel into the result, scaled, `stride` apart:
// dst[i, o] = sum over j and c of src1[j, c] * src0[i - j * stride, o, c], j ascending, then c.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require dst
//! require lib/total.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // tap, output channel, input channel
  src1: Tensor, // time, input channel
  node: u32, // index in graph.order
  stride: u32, // elements of dst
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let taps = params.src0.ne.x;
  let first = select(0u, (at.x - taps) / params.stride + 1u, at.x >= taps);
  let end = min(at.x / params.stride + 1u, params.src1.ne.x);
  var sum = Total(0.0, 0.0, 0u);
  for (var j = first; j < end; j++) {
    let tap = at.x - j * params.stride;
    for (var c = 0u; c < params.src0.ne.z; c++) {
      let x = src1_bits(address(params.src1, vec4<u32>(j, c, 0u, 0u)));
      let weight = src0_bits(address(params.src0, vec4<u32>(tap, at.y, c, 0u)));
      sum = plus_bits(sum, multiply_bits(x, weight));
    }
  }
  store_bits(address(params.dst, at), bits_of(sum));
}
