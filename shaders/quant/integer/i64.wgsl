// I64, rounded once to f32: no blocks; the group is arbitrary.
//! require lib/round.wgsl
const BLOCK_ELEMENTS = 1u;
const BLOCK_BYTES = 8u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(1.0, 0.0);
}

fn narrowed(byte: u32) -> f32 {
  return i64_to_f32(weight_word(byte + 4u), weight_word(byte));
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let byte = row + 8u * k;
  return vec4<f32>(narrowed(byte), narrowed(byte + 8u), narrowed(byte + 16u), narrowed(byte + 24u));
}
