// The entry of RMS_NORM and L2_NORM: rows times a factor that follows from the sum of their squares. The op declares
// `fn factor_of(squares: u32, n: f32) -> u32`, bits to bits. One workgroup per row; 64 partial sums, then a tree.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/total.wgsl

fn row(at: vec3<u32>, lane: u32) {
  let ne = params.src0.ne;
  var squares = Total(0.0, 0.0, 0u);
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    squares = plus_square(squares, src0_bits(address(params.src0, vec4<u32>(i, at))));
  }
  let factor = factor_of(bits_of(total_of_lanes(squares, lane)), f32(ne.x));
  for (var i = lane; i < ne.x; i += WORKGROUP) {
    let element = vec4<u32>(i, at);
    store_bits(address(params.dst, element), multiply_bits(src0_bits(address(params.src0, element)), factor));
  }
}
