// Decodes one block and keeps what its decoder tells on the way (lib/notes-kept.wgsl). One invocation decodes four
// elements. Its dst has been filled with zeros.
//! require lib/weights.wgsl
//! require quant
//! require lib/per-invocation.wgsl
struct Params {
  blocks: u32, // 1
}
@group(0) @binding(0) var<uniform> params: Params;

fn invoke(index: u32) {
  let k = 4u * index;
  if (k >= params.blocks * BLOCK_ELEMENTS) {
    return;
  }
  noted_quad = k;
  let scale = load_scale(0u, k - k % GROUP);
  note4(NOTE_VALUE, decode4(0u, k, scale));
}
