// SSM_SCAN: the selective scan of Mamba. Per channel of a head, for every token:
//
//   d = softplus(dt);  state[n] = state[n] * e^(d A[n]) + B[n] * (x d);  y = sum over n of state[n] * C[n]
//
// dst holds y [channel, head, token, sequence], then `snapshots` times the states [n, channel, head, sequence]: after the
// last token, after the one before it, and so on. Sums in two levels, n ascending.
//! require lib/per-channel.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/src3.wgsl
//! require lib/src4.wgsl
//! require lib/src5.wgsl
//! require lib/src6.wgsl
//! require lib/exp.wgsl
//! require lib/softplus.wgsl
//! require lib/two-level-sum.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // states: n, channel, head, slot
  src1: Tensor, // x: channel, head, token, sequence
  src2: Tensor, // dt: head, token, sequence
  src3: Tensor, // A: n, head (Mamba-1); or 1, head: one decay for all n (Mamba-2)
  src4: Tensor, // B: n, group, token, sequence; a group is a run of neighbouring heads
  src5: Tensor, // C: as B
  src6: Tensor, // slot of each sequence's first state, I32
  node: u32, // index in graph.order
  channels: u32,
  heads: u32,
  sequences: u32,
  snapshots: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

fn channel(at: vec3<u32>) {
  let head = at.y;
  let sequence = at.z;
  let tokens = params.src1.ne.z;
  let size = params.src0.ne.x;
  let slot = src6_bits(address(params.src6, vec4<u32>(sequence, 0u, 0u, 0u)));
  if (slot >= params.src0.ne.w) {
    return;
  }
  let cells = params.channels * params.heads * params.sequences;
  let cell = (sequence * params.heads + head) * params.channels + at.x;
  let state = cells * tokens + cell * size;
  for (var n = 0u; n < size; n++) {
    store(result(state + n), src0_f32(address(params.src0, vec4<u32>(n, at.xy, slot))));
  }
  let group = head / (params.heads / params.src4.ne.y);
  for (var t = 0u; t < tokens; t++) {
    let d = softplus_f32(src2_f32(address(params.src2, vec4<u32>(head, t, sequence, 0u))));
    let input = d * src1_f32(address(params.src1, vec4<u32>(at.xy, t, sequence)));
    let back = tokens - 1u - t;
    let a = address(params.src3, vec4<u32>(0u, head, 0u, 0u));
    let b = address(params.src4, vec4<u32>(0u, group, t, sequence));
    let c = address(params.src5, vec4<u32>(0u, group, t, sequence));
    var decay = exp_f32(d * src3_f32(a));
    var y = Sum(0.0, 0.0);
    for (var n = 0u; n < size; n++) {
      if (params.src3.ne.x > 1u) {
        decay = exp_f32(d * src3_f32(a + n * params.src3.nb.x));
      }
      let place = result(state + n);
      let next = stored(place) * decay + src4_f32(b + n * params.src4.nb.x) * input;
      store(place, next);
      if (back < params.snapshots) {
        store(result(state + back * cells * size + n), next);
      }
      y = with_term(y, n, next * src5_f32(c + n * params.src5.nb.x));
    }
    store(result(((sequence * tokens + t) * params.heads + head) * params.channels + at.x), value_of(y));
  }
}
