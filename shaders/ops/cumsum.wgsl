// CUMSUM: running sums of each row. One workgroup per row: its invocations sum up a stretch each, then run through
// theirs from the sum of all stretches before it.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/total.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

fn row(at: vec3<u32>, lane: u32) {
  let n = params.src0.ne.x;
  let stretch = (n + WORKGROUP - 1u) / WORKGROUP;
  let first = min(n, lane * stretch);
  let end = min(n, first + stretch);
  var own = Total(0.0, 0.0, 0u);
  for (var i = first; i < end; i++) {
    own = plus_bits(own, src0_bits(address(params.src0, vec4<u32>(i, at))));
  }
  totals[lane] = own;
  workgroupBarrier();
  var running = Total(0.0, 0.0, 0u);
  for (var before = 0u; before < lane; before++) {
    running = merged(running, totals[before]);
  }
  for (var i = first; i < end; i++) {
    let element = vec4<u32>(i, at);
    running = plus_bits(running, src0_bits(address(params.src0, element)));
    store_bits(address(params.dst, element), bits_of(running));
  }
}
