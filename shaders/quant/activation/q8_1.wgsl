// Q8_1, 36 bytes, 32 elements: value = code d
//
//   byte   0  1 | 2  3                        | 4 ............ 35
//          d    | d times the codes' sum, f16 | qs[j] = code[j], signed
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 36u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 32u) * BLOCK_BYTES)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  return noted_codes(signed_bytes_of(weight_word(row + (k / 32u) * BLOCK_BYTES + 4u + k % 32u))) * scale.x;
}
