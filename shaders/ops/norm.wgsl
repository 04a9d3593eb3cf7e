// NORM, GROUP_NORM: dst = (src0 - mean) / sqrt(variance + epsilon) over groups: NORM's are rows, GROUP_NORM's are
// several planes (channels). One workgroup per group; 64 partial sums, then a tree. The mean is improved by the mean of
// what is left when it is taken off, so that a large offset costs nothing.
//! require lib/tensor.wgsl
//! require lib/src0.wgsl
//! require lib/dst-f32.wgsl
//! require lib/total.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
  rows: u32, // of a group, dimension 1
  planes: u32, // of a group, dimension 2; the last group may have fewer
  epsilon: f32,
}
@group(0) @binding(0) var<uniform> params: Params;

// Element i of the group that starts at row first.x of plane first.y.
fn element_of(i: u32, first: vec3<u32>) -> vec4<u32> {
  let n = params.src0.ne.x;
  let line = i / n;
  return vec4<u32>(i % n, first.x + line % params.rows, first.y + line / params.rows, first.z);
}

fn value_at(i: u32, first: vec3<u32>) -> u32 {
  return src0_bits(address(params.src0, element_of(i, first)));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let ne = params.src0.ne;
  let size = vec2<u32>(params.rows, params.planes);
  let groups = vec4<u32>((ne.yz + size - 1u) / size, ne.w, 1u);
  let group = coordinates(workgroup_index(workgroup, workgroups), groups);
  if (group.w > 0u) {
    return;
  }
  let first = vec3<u32>(group.x * params.rows, group.y * params.planes, group.z);
  let count = ne.x * params.rows * min(params.planes, ne.z - first.y);

  var values = Total(0.0, 0.0, 0u);
  for (var i = lane; i < count; i += WORKGROUP) {
    values = plus_bits(values, value_at(i, first));
  }
  // an infinite mean leaves no difference that is a number
  let sum = bits_of(total_of_lanes(values, lane));
  let mean = select(bitcast<f32>(sum) / f32(count), 0.0, is_special(sum));

  var rests = Total(0.0, 0.0, 0u);
  var squares = Total(0.0, 0.0, 0u);
  for (var i = lane; i < count; i += WORKGROUP) {
    let rest = add_bits(value_at(i, first), bitcast<u32>(-mean));
    rests = plus_bits(rests, rest);
    squares = plus_square(squares, rest);
  }
  let offset = bitcast<f32>(bits_of(total_of_lanes(rests, lane))) / f32(count);
  let spread = bits_of(total_of_lanes(squares, lane));
  let variance = select(bitcast<u32>(bitcast<f32>(spread) / f32(count) - offset * offset), spread, is_special(spread));
  let factor = divide_bits(ONE, root_of(add_bits(variance, bitcast<u32>(params.epsilon))));
  for (var i = lane; i < count; i += WORKGROUP) {
    let centred = (bitcast<f32>(value_at(i, first)) - mean) - offset;
    let normal = multiply_bits(bitcast<u32>(centred), factor);
    store_bits(address(params.dst, element_of(i, first)), select(normal, NAN, is_special(sum)));
  }
}
