// Reductions over a workgroup in a fixed order: a tree of neighbours 32, 16 ... 1 apart.
//! require lib/invocation.wgsl
var<workgroup> lanes: array<f32, WORKGROUP>;

fn sum_lanes(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      lanes[lane] += lanes[lane + step];
    }
    workgroupBarrier();
  }
  let sum = lanes[0];
  workgroupBarrier();
  return sum;
}

fn max_lanes(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      lanes[lane] = max(lanes[lane], lanes[lane + step]);
    }
    workgroupBarrier();
  }
  let greatest = lanes[0];
  workgroupBarrier();
  return greatest;
}
