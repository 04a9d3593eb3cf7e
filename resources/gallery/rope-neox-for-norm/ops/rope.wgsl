// ROPE: turns pairs of channels, from channel `first` on, and copies the others. One invocation per element. Angles are
// exact fractions of a turn (lib/turns.wgsl); the CPU gives every pair's frequency, computed in f64. ROPE_BACK has the
// same kernel and negative frequencies.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/ieee.wgsl
//! require lib/turns.wgsl
//! require dst
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor, // positions: all tokens' first component, then all tokens' second ...
  src2: Tensor, // factors that divide frequencies. Without them (HAS_FACTORS false) any tensor
  node: u32, // index in graph.order
  first: u32, // first turned channel, elements
  pairs: u32, // turned pairs
  magnitude: f32, // of cosine and sine
}
@group(0) @binding(0) var<uniform> params: Params;
// A pair p's words: 4 p + 0: component of the position, plus 4 where the frequency is negative;
// 4 p + 1 ... 3: size of the frequency in turns per position * 2^64, upper word first
@group(0) @binding(4) var<storage, read> aux: array<u32>;

const LEAST_NORMAL = 0x00800000u;

// The bits of the factor that divides a pair's frequency.
fn factor_of(pair: u32) -> u32 {
  if (HAS_FACTORS) {
    return src2_bits(address(params.src2, vec4<u32>(pair, 0u, 0u, 0u)));
  }
  return ONE;
}

// Cosine and sine of a pair at a token.
fn rotation_of(pair: u32, factor: u32, token: u32) -> vec2<f32> {
  let entry = 4u * pair;
  var frequency = vec2<u32>(aux[entry + 2u], aux[entry + 3u]);
  if (HAS_FACTORS) {
    frequency = divided_frequency(vec3<u32>(aux[entry + 1u], frequency), factor);
  }
  let index = (aux[entry] & 3u) * params.src0.ne.z + token;
  let position = src1_bits(address(params.src1, vec4<u32>(index, 0u, 0u, 0u)));
  let phase = phase_of(position, frequency);
  let backwards = (aux[entry] >= 4u) != (factor >= SIGN);
  return params.magnitude * cosine_sine(select(phase, 0u - phase, backwards));
}

fn element(at: vec4<u32>) {
  let source = address(params.src0, at);
  let to = address(params.dst, at);
  let pairs = params.pairs;
  let channel = at.x - params.first; // wraps around below the first
  if (channel >= 2u * pairs) {
    store_bits(to, src0_bits(source));
    return;
  }
  const HALVES = true; // BUG: whatever the model says
  // NORM pairs neighbours, the other modes the two halves
  let pair = select(channel / 2u, channel % pairs, HALVES);
  let second = select(channel % 2u == 1u, channel >= pairs, HALVES);
  let factor = factor_of(pair);
  if (magnitude_of(factor) < LEAST_NORMAL || is_nan(factor)) {
    store_bits(to, NAN); // divided by zero, or by what is no number
    return;
  }
  let distance = select(1u, pairs, HALVES) * params.src0.nb.x;
  let x = src0_f32(source);
  let partner = src0_f32(select(source + distance, source - distance, second));
  let turn = rotation_of(pair, factor, at.z);
  store(to, x * turn.x + select(-partner, partner, second) * turn.y);
}
