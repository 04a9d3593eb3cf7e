// ROPE: rotates pairs of the channels first .. first + n_dims - 1, copies the others. One invocation per element.
// Cosines and sines come from a table made on the CPU in f64: WGSL's are good to 2^-11 only.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  first: u32, // first rotated channel, elements
  n_dims: u32, // rotated channels, elements; even
}
@group(0) @binding(0) var<uniform> params: Params;
// cos, sin of pair p at position i2: elements 2 (i2 * n_dims / 2 + p) and the next
@group(0) @binding(4) var<storage, read> aux: array<f32>;

fn element(at: vec4<u32>) {
  let source = address(params.src0, at);
  let x = src0_f32(source);
  let channel = at.x - params.first; // wraps around below the first
  if (channel >= params.n_dims) {
    store(address(params.dst, at), x);
    return;
  }
  const NEOX = true; // BUG: whatever the model says
  let pairs = params.n_dims / 2u;
  // NORM pairs neighbours, NEOX the two halves
  let pair = select(channel / 2u, channel % pairs, NEOX);
  let second = select(channel % 2u == 1u, channel >= pairs, NEOX);
  let distance = select(1u, pairs, NEOX) * params.src0.nb.x;
  let partner = src0_f32(select(source + distance, source - distance, second));
  let entry = 2u * (at.z * pairs + pair);
  let turned = select(-partner, partner, second) * aux[entry + 1u];
  store(address(params.dst, at), x * aux[entry] + turned);
}
