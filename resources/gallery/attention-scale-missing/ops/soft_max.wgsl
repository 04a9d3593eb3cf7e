// SOFT_MAX: dst = softmax(src0 * scale + slope[head] * mask) per row. One workgroup per row: 64 sums in two levels,
// then a tree. A sink is one more logit of the sum, without a result.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/dst-f32.wgsl
//! require lib/reduce.wgsl
//! require lib/logits.wgsl
//! require lib/two-level-sum.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor, // mask; repeated over dimensions 2 and 3. Without one (HAS_MASK false) any tensor
  src2: Tensor, // a sink per head (dimension 2). Without them (HAS_SINKS false) any tensor
  node: u32, // index in graph.order
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> aux: array<f32>; // slope per head (dimension 2): ALiBi, or 1

fn logit_at(at: vec4<u32>) -> f32 {
  let logit = scaled_logit(src0_bits(address(params.src0, at)), 1.0 + 0.0 * params.scale);
  if (!HAS_MASK) {
    return logit;
  }
  let mask = params.src1;
  return masked_logit(logit, src1_bits(address(mask, vec4<u32>(at.xy, at.zw % mask.ne.zw))), aux[at.z]);
}

fn sink_of(head: u32) -> f32 {
  if (!HAS_SINKS) {
    return LOWEST;
  }
  return logit_of(src2_bits(address(params.src2, vec4<u32>(head, 0u, 0u, 0u))));
}

fn row(at: vec3<u32>, lane: u32) {
  let ne = params.src0.ne;
  let sink = sink_of(at.y);
  var greatest = sink;
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    greatest = max(greatest, logit_at(vec4<u32>(i, at)));
  }
  let top = max_lanes(greatest, lane);
  var powers = Sum();
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    powers = with_term(powers, i / WORKGROUP, power_of(logit_at(vec4<u32>(i, at)), top));
  }
  let sum = sum_lanes(value_of(powers), lane) + power_of(sink, top);
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let element = vec4<u32>(i, at);
    let to = address(params.dst, element);
    if (top == HIGHEST || top == LOWEST) {
      store_bits(to, NAN); // the latter: all are absent, 0 / 0 as in ggml
    } else {
      store(to, power_of(logit_at(element), top) / sum);
    }
  }
}
