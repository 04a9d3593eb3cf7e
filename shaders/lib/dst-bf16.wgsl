// Destination of BF16 elements.
//! require lib/dst-16.wgsl

// The upper half of the nearest f32 that has a zero lower half, ties to even; NaNs stay NaNs. As ggml_compute_fp32_to_bf16.
fn f32_bits_to_bf16(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return (bits >> 16u) | 64u;
  }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}

fn store_bits(byte: u32, bits: u32) {
  store_half(byte, f32_bits_to_bf16(bits));
}

fn store(byte: u32, value: f32) {
  store_bits(byte, bitcast<u32>(value));
}
