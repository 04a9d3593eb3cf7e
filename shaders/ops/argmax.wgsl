// ARGMAX: dst[row] = index of the row's greatest element, of the last among equals. One workgroup per row. As in ggml's
// loop, what comes after a NaN is the greatest so far: of a row with NaNs the last run of numbers decides.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/ieee.wgsl
//! require lib/reduce-u32.wgsl
struct Params {
  dst: Tensor, // I32
  src0: Tensor, // a matrix
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn value_at(i: u32, at: vec3<u32>) -> u32 {
  return src0_bits(address(params.src0, vec4<u32>(i, at)));
}

fn row(at: vec3<u32>, lane: u32) {
  let n = params.src0.ne.x;
  // positions count from 1: 0 is none
  var number = 0u;
  for (var i = lane; i < n; i += WORKGROUP) {
    if (!is_nan(value_at(i, at))) {
      number = i + 1u;
    }
  }
  let end = greatest_of_lanes(number, lane);
  var gap = 0u;
  for (var i = lane; i < end; i += WORKGROUP) {
    if (is_nan(value_at(i, at))) {
      gap = i + 1u;
    }
  }
  let first = greatest_of_lanes(gap, lane);
  var key = 0u;
  for (var i = first + lane; i < end; i += WORKGROUP) {
    key = max(key, sort_key(value_at(i, at), false));
  }
  let greatest = greatest_of_lanes(key, lane);
  var place = first;
  for (var i = first + lane; i < end; i += WORKGROUP) {
    if (sort_key(value_at(i, at), false) == greatest) {
      place = i;
    }
  }
  let index = greatest_of_lanes(place, lane);
  if (lane == 0u) {
    store_bits(address(params.dst, vec4<u32>(at.x, 0u, 0u, 0u)), index);
  }
}
