// Decodes blocks that lie one after another: dst element i is element i of src0. One invocation decodes four elements and
// stores them at once, so that neighbours write next to each other: the kernel's speed is that of memory.
//! require lib/weights.wgsl
//! require quant
//! require lib/per-invocation.wgsl
struct Params {
  blocks: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<u32>>;

fn invoke(quad: u32) {
  let k = 4u * quad;
  // Types without blocks may end within a quad; dst has room for all of it.
  if (k >= params.blocks * BLOCK_ELEMENTS) {
    return;
  }
  dst[quad] = bitcast<vec4<u32>>(decode4(0u, k, load_scale(0u, k - k % GROUP)));
}
