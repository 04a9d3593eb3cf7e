// SOLVE_TRI: X with A X = B, A lower triangular. One invocation per column of X, rows from the first on:
// x[r] = (b[r] - sum over t < r of A[r][t] * x[t]) / A[r][r]. Sums in two levels, t ascending.
//! require lib/tensor.wgsl
//! require lib/per-invocation.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
//! require lib/two-level-sum.wgsl
struct Params {
  dst: Tensor, // column, row
  src0: Tensor, // A: column, row
  src1: Tensor, // B: as dst
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn invoke(index: u32) {
  let ne = params.dst.ne;
  let at = coordinates(index, vec4<u32>(ne.xzw, 1u));
  if (at.w > 0u) {
    return;
  }
  for (var r = 0u; r < ne.y; r++) {
    var known = Sum(0.0, 0.0);
    for (var t = 0u; t < r; t++) {
      let x = stored(address(params.dst, vec4<u32>(at.x, t, at.yz)));
      known = with_term(known, t, src0_f32(address(params.src0, vec4<u32>(t, r, at.yz))) * x);
    }
    let b = src1_f32(address(params.src1, vec4<u32>(at.x, r, at.yz)));
    let diagonal = src0_f32(address(params.src0, vec4<u32>(r, r, at.yz)));
    store(address(params.dst, vec4<u32>(at.x, r, at.yz)), (b - value_of(known)) / diagonal);
  }
}
