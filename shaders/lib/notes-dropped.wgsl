// What decoders tell the kernel probe (lib/notes-kept.wgsl). In every other kernel nobody listens, and the compiler
// removes the calls.
//! require lib/note-fields.wgsl
fn note(field: u32, value: f32) {
}

fn note4(field: u32, values: vec4<f32>) {
}
