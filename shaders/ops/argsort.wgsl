// ARGSORT: the indices of a row's elements in order of their values, equal ones in order of their indices. One workgroup
// per row sorts them in place, by a bitonic network whose comparators all put the lesser up front:
//
//   merge runs of `span` into runs of 2 span: element i of a run with its mirror image in the next run,
//   then elements span/2, span/4 ... 1 apart
//
// A partner past the end counts as greater than all, so that rows may have any length.
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

// Whether the element with index `a` stands after the one with index `b`.
fn is_after(a: u32, b: u32, at: vec3<u32>) -> bool {
  let key_a = sort_key(src0_bits(address(params.src0, vec4<u32>(a, at))), DESCENDING);
  let key_b = sort_key(src0_bits(address(params.src0, vec4<u32>(b, at))), DESCENDING);
  return key_a > key_b || (key_a == key_b && a > b);
}

fn place(i: u32, at: vec3<u32>) -> u32 {
  return address(params.dst, vec4<u32>(i, at)) >> 2u;
}

fn put_in_order(i: u32, j: u32, at: vec3<u32>) {
  if (j >= params.src0.ne.x) {
    return;
  }
  let a = dst[place(i, at)];
  let b = dst[place(j, at)];
  if (is_after(a, b, at)) {
    dst[place(i, at)] = b;
    dst[place(j, at)] = a;
  }
}

fn row(at: vec3<u32>, lane: u32) {
  let n = params.src0.ne.x;
  for (var i = lane; i < n; i += WORKGROUP) {
    dst[place(i, at)] = i;
  }
  storageBarrier();
  for (var span = 1u; span < n; span *= 2u) {
    // comparator c is number c % span of its pair of runs
    for (var c = lane; c < n; c += WORKGROUP) {
      let first = (c / span) * 2u * span;
      put_in_order(first + c % span, first + 2u * span - 1u - c % span, at);
    }
    storageBarrier();
    for (var step = span / 2u; step > 0u; step /= 2u) {
      for (var c = lane; c < n; c += WORKGROUP) {
        let i = (c / step) * 2u * step + c % step;
        put_in_order(i, i + step, at);
      }
      storageBarrier();
    }
  }
}
