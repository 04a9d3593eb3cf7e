// Destination of 32-bit elements (F32, I32).
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;

fn store_bits(byte: u32, bits: u32) {
  dst[byte >> 2u] = bits;
}

fn store(byte: u32, value: f32) {
  store_bits(byte, bitcast<u32>(value));
}

// What this invocation has stored there.
fn stored(byte: u32) -> f32 {
  return bitcast<f32>(dst[byte >> 2u]);
}
