// LIGHTNING_INDEXER: dst[key, token] = sum over heads of max(q . k, 0) * weight, + mask. One invocation per element; k's
// row is decoded once for four heads.
//
// Orders of sums, all in f32. q.k: four sums over quads, then (x + y) + (z + w). Heads: first to last.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/weights.wgsl for src1
//! require quant for src1
//! require lib/src2.wgsl
//! require lib/src3.wgsl
//! require lib/dst-f32.wgsl
//! require lib/ieee.wgsl
struct Params {
  dst: Tensor, // keys, tokens, 1, streams
  src0: Tensor, // q: n, heads, tokens, streams; rows are dense
  src1: Tensor, // k: n, 1, keys, streams
  src2: Tensor, // weights: heads, tokens, 1, streams
  src3: Tensor, // mask: keys, tokens, 1, streams or fewer, in turns
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn sum4(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// Four heads from `head` on times the row of k at byte address `key`. Heads past the last repeat it.
fn scores(key: u32, head: u32, token: u32, stream: u32) -> vec4<f32> {
  let q = params.src0;
  let n = q.ne.x;
  let heads = min(head + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(q.ne.y - 1u));
  let rows = address(q, vec4<u32>(0u, 0u, token, stream)) + heads * q.nb.y;
  var part0 = vec4<f32>(0.0);
  var part1 = vec4<f32>(0.0);
  var part2 = vec4<f32>(0.0);
  var part3 = vec4<f32>(0.0);
  for (var first = 0u; first < n; first += GROUP_src1) {
    let scale = load_scale_src1(key, first);
    for (var i = first; i < min(first + GROUP_src1, n); i += 4u) {
      // what lies past the rows' ends may be no number
      let inside = vec4<u32>(i, i + 1u, i + 2u, i + 3u) < vec4<u32>(n);
      let k = select(vec4<f32>(0.0), decode4_src1(key, i, scale), inside);
      part0 += k * select(vec4<f32>(0.0), src0_quad(rows.x, i), inside);
      part1 += k * select(vec4<f32>(0.0), src0_quad(rows.y, i), inside);
      part2 += k * select(vec4<f32>(0.0), src0_quad(rows.z, i), inside);
      part3 += k * select(vec4<f32>(0.0), src0_quad(rows.w, i), inside);
    }
  }
  return vec4<f32>(sum4(part0), sum4(part1), sum4(part2), sum4(part3));
}

fn element(at: vec4<u32>) {
  let mask = src3_bits(address(params.src3, vec4<u32>(at.xy, 0u, at.w % params.src3.ne.w)));
  let to = address(params.dst, at);
  if (is_special(mask)) {
    store_bits(to, mask);
    return;
  }
  let heads = params.src0.ne.y;
  let key = address(params.src1, vec4<u32>(0u, 0u, at.x, at.w));
  var total = 0.0;
  for (var head = 0u; head < heads; head += 4u) {
    let score = max(scores(key, head, at.y, at.w), vec4<f32>(0.0));
    for (var i = 0u; i < min(4u, heads - head); i++) {
      total += score[i] * src2_f32(address(params.src2, vec4<u32>(head + i, at.y, 0u, at.w)));
    }
  }
  store(to, total + bitcast<f32>(mask));
}
