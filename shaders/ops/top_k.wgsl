// TOP_K: the indices of a row's ne[0] greatest elements, descending, but the second first, as ggml has them. One
// workgroup per row looks for the greatest, then for the next in order, and so on; of equal ones the least index is next.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require lib/sort-key.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

// Key and index; the order is that of the pairs.
var<workgroup> candidates: array<vec2<u32>, WORKGROUP>;

const PAST_ALL = vec2<u32>(0xffffffffu, 0xffffffffu);

fn is_before(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

fn first_of_lanes(own: vec2<u32>, lane: u32) -> vec2<u32> {
  candidates[lane] = own;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (lane < step && is_before(candidates[lane + step], candidates[lane])) {
      candidates[lane] = candidates[lane + step];
    }
    workgroupBarrier();
  }
  let first = candidates[0];
  workgroupBarrier();
  return first;
}

fn row(at: vec3<u32>, lane: u32) {
  let k = params.dst.ne.x;
  var last = vec2<u32>();
  for (var place = 0u; place < k; place++) {
    var next = PAST_ALL;
    for (var i = lane; i < params.src0.ne.x; i += WORKGROUP) {
      let own = vec2<u32>(sort_key(src0_bits(address(params.src0, vec4<u32>(i, at))), true), i);
      if ((place == 0u || is_before(last, own)) && is_before(own, next)) {
        next = own;
      }
    }
    last = first_of_lanes(next, lane);
    if (lane == 0u) {
      let to = select(place, 1u - place, k > 1u && place < 2u);
      store_bits(address(params.dst, vec4<u32>(to, at)), last.y);
    }
  }
}
