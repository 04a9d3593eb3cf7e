// GATED_DELTA_NET. Per head and value channel j, for every token:
//
//   M[j][i] = M[j][i] * e^g[i];  d = (v[j] - sum over i of M[j][i] * k[i]) * beta
//   M[j][i] = M[j][i] + d * k[i];  y[j] = scale * sum over i of M[j][i] * q[i]
//
// dst holds y [j, head, token, sequence], then `snapshots` times M [i, j, head, sequence]: after the last token, after the
// one before it, and so on. Sums in two levels, i ascending.
//! require lib/per-channel.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/src3.wgsl
//! require lib/src4.wgsl
//! require lib/src5.wgsl
//! require lib/exp.wgsl
//! require lib/two-level-sum.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // q: i, head, token, sequence; maybe of fewer heads and sequences
  src1: Tensor, // k: as q
  src2: Tensor, // v: j, head, token, sequence
  src3: Tensor, // g: one per head, or one per i (KDA); head, token, sequence
  src4: Tensor, // beta: 1, head, token, sequence
  src5: Tensor, // M before the first token
  node: u32, // index in graph.order
  channels: u32,
  heads: u32,
  sequences: u32,
  snapshots: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

// Byte address of the vector of a head at a token; heads repeat as a whole, sequences one by one.
fn vector_at(source: Tensor, head: u32, token: u32, sequence: u32) -> u32 {
  let repeats = params.sequences / source.ne.w;
  return address(source, vec4<u32>(0u, head % source.ne.y, token, sequence / repeats));
}

fn channel(at: vec3<u32>) {
  let head = at.y;
  let sequence = at.z;
  let size = params.channels;
  let tokens = params.src2.ne.z;
  let matrices = size * size * params.heads * params.sequences;
  let row = ((sequence * params.heads + head) * size + at.x) * size;
  let state = tokens * params.sequences * params.heads * size + row;
  for (var i = 0u; i < size; i++) {
    store(result(state + i), src5_f32(address(params.src5, vec4<u32>(i, at))));
  }
  for (var t = 0u; t < tokens; t++) {
    let q = vector_at(params.src0, head, t, sequence);
    let k = vector_at(params.src1, head, t, sequence);
    let g = vector_at(params.src3, head, t, sequence);
    var decay = exp_f32(src3_f32(g));
    var known = Sum(0.0, 0.0);
    for (var i = 0u; i < size; i++) {
      if (params.src3.ne.x > 1u) {
        decay = exp_f32(src3_f32(g + i * params.src3.nb.x));
      }
      let place = result(state + i);
      let decayed = stored(place) * decay;
      store(place, decayed);
      known = with_term(known, i, decayed * src1_f32(k + i * params.src1.nb.x));
    }
    let v = src2_f32(address(params.src2, vec4<u32>(at.xy, t, sequence)));
    let delta = (v - value_of(known)) * src4_f32(address(params.src4, vec4<u32>(0u, head, t, sequence)));
    let back = tokens - 1u - t;
    var y = Sum(0.0, 0.0);
    for (var i = 0u; i < size; i++) {
      let place = result(state + i);
      let next = stored(place) + delta * src1_f32(k + i * params.src1.nb.x);
      store(place, next);
      if (back < params.snapshots) {
        store(result(state + back * matrices + i), next);
      }
      y = with_term(y, i, next * src0_f32(q + i * params.src0.nb.x));
    }
    let token = sequence * tokens + t;
    store(result((token * params.heads + head) * size + at.x), value_of(y) * params.scale);
  }
}
