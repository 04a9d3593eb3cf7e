// Decodes blocks that lie one after another: dst element i is element i of src0. One invocation decodes one group.
//! require lib/weights.wgsl
//! require quant
//! require lib/dst-f32.wgsl
//! require lib/invocation.wgsl
struct Params {
  blocks: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let elements = params.blocks * BLOCK_ELEMENTS;
  let first = invocation_index(workgroup, workgroups, local) * GROUP;
  if (first >= elements) {
    return;
  }
  let scale = load_scale(0u, first);
  let end = min(first + GROUP, elements);
  for (var k = first; k < end; k += 4u) {
    let values = decode4(0u, k, scale);
    for (var i = 0u; i < min(4u, end - k); i++) {
      store(4u * (k + i), values[i]);
    }
  }
}
