// RWKV_WKV6. Per head and value channel j, for every token:
//
//   y[j] = sum over i of r[i] * (tf[i] * k[i] v[j] + S[i][j]);  S[i][j] = S[i][j] * td[i] + k[i] * v[j]
//
// dst holds y [j, head, token], then S [j, i, head, sequence] after the last token. Sums in two levels, i ascending.
//! require lib/per-channel.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/src3.wgsl
//! require lib/src4.wgsl
//! require lib/src5.wgsl
//! require lib/two-level-sum.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // k: i, head, token of all sequences
  src1: Tensor, // v
  src2: Tensor, // r
  src3: Tensor, // tf: i, head
  src4: Tensor, // td: i, head, token
  src5: Tensor, // S before the first token
  node: u32, // index in graph.order
  channels: u32,
  heads: u32,
  sequences: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn channel(at: vec3<u32>) {
  let j = at.x;
  let size = params.channels;
  let all = params.src0.ne.z;
  let tokens = all / params.sequences;
  let matrix_at = (at.z * params.heads + at.y) * size * size;
  let state = all * params.heads * size + matrix_at;
  for (var i = 0u; i < size; i++) {
    let first = coordinates(matrix_at + i * size + j, params.src5.ne);
    store(result(state + i * size + j), src5_f32(address(params.src5, first)));
  }
  for (var t = at.z * tokens; t < (at.z + 1u) * tokens; t++) {
    let head = vec4<u32>(0u, at.y, t, 0u);
    let k = address(params.src0, head);
    let r = address(params.src2, head);
    let decay = address(params.src4, head);
    let v = src1_f32(address(params.src1, vec4<u32>(j, head.yzw)));
    var y = Sum(0.0, 0.0);
    for (var i = 0u; i < size; i++) {
      let place = result(state + i * size + j);
      let kv = src0_f32(k + i * params.src0.nb.x) * v;
      let before = stored(place);
      let bonus = src3_f32(address(params.src3, coordinates(at.y * size + i, params.src3.ne)));
      store(place, before * src4_f32(decay + i * params.src4.nb.x) + kv);
      y = with_term(y, i, (kv * bonus + before) * src2_f32(r + i * params.src2.nb.x));
    }
    store(result((t * params.heads + at.y) * size + j), value_of(y));
  }
}
