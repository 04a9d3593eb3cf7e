// PAD, PAD_REFLECT_1D, REPEAT, ROLL: dst shows src0 shifted, and beyond its edges zeros, src0 once more, or its mirror.
//! require lib/per-element.wgsl
//! require lib/move.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  shift: vec4<i32>, // elements of dst ahead of src0's first, per dimension; below 0 as many of src0 are cut off
}
@group(0) @binding(0) var<uniform> params: Params;

const WRAP = 1u;
const REFLECT = 2u;

fn element(at: vec4<u32>) {
  let ne = vec4<i32>(params.src0.ne);
  var inner = vec4<i32>(at) - params.shift;
  if (EDGES == WRAP) {
    inner = (inner % ne + ne) % ne;
  }
  if (EDGES == REFLECT) {
    inner.x = ne.x - 1 - abs(ne.x - 1 - abs(inner.x));
  }
  let to = address(params.dst, at);
  if (all(inner >= vec4<i32>(0)) && all(inner < ne)) {
    move_element(to, address(params.src0, vec4<u32>(inner)));
  } else {
    clear_element(to);
  }
}
