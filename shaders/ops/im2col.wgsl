// IM2COL: the patches of images that a convolution multiplies with its kernel, one after another; zeros beyond the
// images' edges. dst[(c, y, x), i, j, n] = src0[(i, j) * stride + (x, y) * dilation - padding, c, n].
//! require lib/per-element.wgsl
//! require lib/move.wgsl
struct Params {
  dst: Tensor, // element of a patch, patch horizontally and vertically, batch
  src0: Tensor, // width, height, channel, batch
  node: u32, // index in graph.order
  taps: vec2<u32>, // of the convolution's kernel, horizontally and vertically; pixels, as the next three
  stride: vec2<i32>,
  padding: vec2<i32>,
  dilation: vec2<i32>,
}
@group(0) @binding(0) var<uniform> params: Params;

fn element(at: vec4<u32>) {
  let line = at.x / params.taps.x;
  let tap = vec2<i32>(vec2<u32>(at.x, line) % params.taps);
  let pixel = vec2<i32>(at.yz) * params.stride + tap * params.dilation - params.padding;
  let to = address(params.dst, at);
  if (all(pixel >= vec2<i32>(0)) && all(pixel < vec2<i32>(params.src0.ne.xy))) {
    move_element(to, address(params.src0, vec4<u32>(vec2<u32>(pixel), line / params.taps.y, at.w)));
  } else {
    clear_element(to);
  }
}
