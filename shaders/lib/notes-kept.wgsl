// What decoders tell the kernel probe: printf for shaders. dst holds NOTE_FIELDS rows of f32 bits, one column per element
// of the block, and a last row whose bit f says that field f was told.
//! require lib/note-fields.wgsl
//! require lib/dst-f32.wgsl
// First of the four elements that this invocation decodes.
var<private> noted_quad: u32;

// One value for all four elements.
fn note(field: u32, value: f32) {
  note4(field, vec4<f32>(value));
}

fn note4(field: u32, values: vec4<f32>) {
  for (var i = 0u; i < min(4u, BLOCK_ELEMENTS - noted_quad); i++) {
    let element = noted_quad + i;
    dst[field * BLOCK_ELEMENTS + element] = bitcast<u32>(values[i]);
    dst[NOTE_FIELDS * BLOCK_ELEMENTS + element] |= 1u << field;
  }
}
