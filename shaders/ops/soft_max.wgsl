// SOFT_MAX: dst = softmax(src0 * scale + slope[head] * mask) per row. One workgroup per row; 64 partial results, then a
// tree. A mask of -infinity is recognised by its bits: WGSL need not keep infinities through arithmetic.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/reduce.wgsl
//! require lib/exp.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor, // mask; repeated over dimensions 2 and 3. Without one (HAS_MASK false) any tensor
  node: u32, // index in graph.order
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> aux: array<f32>; // slope per head (dimension 2): ALiBi, or 1

const NEGATIVE_INFINITY = 0xff800000u;
const QUIET_NAN = 0x7fc00000u;
const LOWEST = -0x1.fffffep127;

struct Score {
  value: f32,
  masked: bool,
}

fn score(at: vec4<u32>) -> Score {
  var value = src0_f32(address(params.src0, at)) * params.scale;
  if (HAS_MASK) {
    let mask = params.src1;
    let bits = src1_bits(address(mask, vec4<u32>(at.xy, at.zw % mask.ne.zw)));
    if (bits == NEGATIVE_INFINITY) {
      return Score(LOWEST, true);
    }
    value += aux[at.z] * bitcast<f32>(bits);
  }
  return Score(value, false);
}

fn row(at: vec3<u32>, lane: u32) {
  let ne = params.src0.ne;
  var greatest = LOWEST;
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    greatest = max(greatest, score(vec4<u32>(i, at)).value);
  }
  let top = max_lanes(greatest, lane);
  var powers = 0.0;
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let s = score(vec4<u32>(i, at));
    if (!s.masked) {
      powers += exp_f32(s.value - top);
    }
  }
  let sum = sum_lanes(powers, lane);
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let element = vec4<u32>(i, at);
    let s = score(element);
    let to = address(params.dst, element);
    if (sum == 0.0) {
      store_bits(to, QUIET_NAN); // every entry masked: 0 / 0, as ggml
    } else if (s.masked) {
      store(to, 0.0);
    } else {
      store(to, exp_f32(s.value - top) / sum);
    }
  }
}
