// POOL_1D: dst[i] = mean or maximum of the window's elements that exist, first to last.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/total.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  taps: i32, // of a window, elements of src0, as the next two
  stride: i32,
  padding: i32,
}
@group(0) @binding(0) var<uniform> params: Params;

// The least finite number: no maximum is below.
const LEAST = 0xff7fffffu;

fn element(at: vec4<u32>) {
  let n = i32(params.src0.ne.x);
  let start = i32(at.x) * params.stride - params.padding;
  let first = max(start, 0);
  let end = start + min(params.taps, n - start);
  var greatest = LEAST;
  var sum = Total(0.0, 0.0, 0u);
  for (var i = first; i < end; i++) {
    let x = src0_bits(address(params.src0, vec4<u32>(u32(i), at.yzw)));
    if (IS_MEAN) {
      sum = plus_bits(sum, x);
    } else if (!is_less(x, greatest)) {
      greatest = x; // a NaN gives way to what comes after it
    }
  }
  let count = bitcast<u32>(f32(max(end - first, 1)));
  store_bits(address(params.dst, at), select(greatest, divide_bits(bits_of(sum), count), IS_MEAN));
}
