// I32, rounded once to f32: no blocks; the group is arbitrary.
//! require lib/round.wgsl
const BLOCK_ELEMENTS = 1u;
const BLOCK_BYTES = 4u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(1.0, 0.0);
}

fn widened(byte: u32) -> f32 {
  let bits = weight_word(byte);
  return i64_to_f32(select(0u, 0xffffffffu, (bits & 0x80000000u) != 0u), bits);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let byte = row + 4u * k;
  return vec4<f32>(widened(byte), widened(byte + 4u), widened(byte + 8u), widened(byte + 12u));
}
