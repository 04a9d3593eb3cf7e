// Destination of F16 elements.
//! require lib/dst-16.wgsl
//! require lib/f16.wgsl
fn store_bits(byte: u32, bits: u32) {
  store_half(byte, f32_bits_to_f16(bits));
}

fn store(byte: u32, value: f32) {
  store_bits(byte, bitcast<u32>(value));
}
