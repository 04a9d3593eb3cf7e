// CONCAT, SET, ACC: dst is src0, but in a window src1, or the sum of both.
//! require lib/per-element.wgsl
//! require lib/move.wgsl
//! require lib/src1.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor,
  node: u32, // index in graph.order
  window: vec4<u32>, // strides of src1's dimensions in dst, bytes, each past all that lies below it
  window_offset: u32, // of src1's first element from dst's, bytes
}
@group(0) @binding(0) var<uniform> params: Params;

// Coordinates in src1 of the element at a byte of dst; none of src1's where it lies outside of the window.
fn window_coordinates(byte: u32) -> vec4<u32> {
  if (byte < params.window_offset) {
    return params.src1.ne;
  }
  var rest = byte - params.window_offset;
  var at = vec4<u32>();
  at.w = rest / params.window.w;
  rest -= at.w * params.window.w;
  at.z = rest / params.window.z;
  rest -= at.z * params.window.z;
  at.y = rest / params.window.y;
  rest -= at.y * params.window.y;
  at.x = rest / params.window.x;
  return at;
}

fn element(at: vec4<u32>) {
  let to = address(params.dst, at);
  let inner = window_coordinates(to - params.dst.offset);
  if (any(inner >= params.src1.ne)) {
    move_element(to, address(params.src0, at));
    return;
  }
  let origin = address(params.src1, inner);
  if (ACCUMULATES) {
    store(to, src0_f32(address(params.src0, at)) + src1_f32(origin));
    return;
  }
  for (var word = 0u; word < WORDS; word++) {
    store_bits(to + 4u * word, src1_bits(origin + 4u * word));
  }
}
