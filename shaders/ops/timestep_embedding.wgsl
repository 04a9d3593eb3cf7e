// TIMESTEP_EMBEDDING: column i of dst is cos(t f_j) for every frequency, then sin(t f_j), t = src0[i]; a zero at the end
// where the dimension is odd.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/float-phase.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> aux: array<u32>; // per frequency: turns per unit of time * 2^64, upper and lower word

fn element(at: vec4<u32>) {
  let half = params.dst.ne.x / 2u;
  let to = address(params.dst, at);
  if (at.x == 2u * half) {
    store(to, 0.0);
    return;
  }
  let j = at.x % half;
  let t = src0_f32(address(params.src0, vec4<u32>(at.y, 0u, 0u, 0u)));
  let angle = cosine_sine(phase_of_float(t, vec2<u32>(aux[2u * j], aux[2u * j + 1u])));
  store(to, select(angle.y, angle.x, at.x < half));
}
