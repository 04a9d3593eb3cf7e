// Over a workgroup: a tree of neighbours 32, 16 ... 1 apart.
//! require lib/invocation.wgsl
var<workgroup> words: array<u32, WORKGROUP>;

fn greatest_of_lanes(value: u32, lane: u32) -> u32 {
  words[lane] = value;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      words[lane] = max(words[lane], words[lane + step]);
    }
    workgroupBarrier();
  }
  let greatest = words[0];
  workgroupBarrier();
  return greatest;
}
