// RWKV_WKV7. Per head and value channel i, for every token:
//
//   c = sum over j of a[j] * S[i][j];  S[i][j] = S[i][j] * w[j] + v[i] * k[j] + c * b[j];  y[i] = sum over j of S[i][j] * r[j]
//
// dst holds y [i, head, token], then S [j, i, head, sequence] after the last token. Sums in two levels, j ascending.
//! require lib/per-channel.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/src3.wgsl
//! require lib/src4.wgsl
//! require lib/src5.wgsl
//! require lib/src6.wgsl
//! require lib/two-level-sum.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // r: j, head, token of all sequences
  src1: Tensor, // w
  src2: Tensor, // k
  src3: Tensor, // v
  src4: Tensor, // a
  src5: Tensor, // b
  src6: Tensor, // S before the first token
  node: u32, // index in graph.order
  channels: u32,
  heads: u32,
  sequences: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn channel(at: vec3<u32>) {
  let size = params.channels;
  let all = params.src0.ne.z;
  let tokens = all / params.sequences;
  let row = ((at.z * params.heads + at.y) * size + at.x) * size;
  let state = all * params.heads * size + row;
  for (var j = 0u; j < size; j++) {
    store(result(state + j), src6_f32(address(params.src6, coordinates(row + j, params.src6.ne))));
  }
  for (var t = at.z * tokens; t < (at.z + 1u) * tokens; t++) {
    let head = vec4<u32>(0u, at.y, t, 0u);
    let r = address(params.src0, head);
    let w = address(params.src1, head);
    let k = address(params.src2, head);
    let v = src3_f32(address(params.src3, vec4<u32>(at.x, head.yzw)));
    let a = address(params.src4, head);
    let b = address(params.src5, head);
    var match_a = Sum(0.0, 0.0);
    for (var j = 0u; j < size; j++) {
      match_a = with_term(match_a, j, stored(result(state + j)) * src4_f32(a + j * params.src4.nb.x));
    }
    let c = value_of(match_a);
    var y = Sum(0.0, 0.0);
    for (var j = 0u; j < size; j++) {
      let place = result(state + j);
      let decayed = stored(place) * src1_f32(w + j * params.src1.nb.x);
      let kv = v * src2_f32(k + j * params.src2.nb.x);
      let next = decayed + kv + c * src5_f32(b + j * params.src5.nb.x);
      store(place, next);
      y = with_term(y, j, next * src0_f32(r + j * params.src0.nb.x));
    }
    store(result((t * params.heads + at.y) * size + at.x), value_of(y));
  }
}
