// Q4_0, 18 bytes, 32 elements: value = (code - 8) d
//
//   byte   0  1 | 2 ............ 17
//          d    | qs[j] = code[j] | code[j + 16] << 4
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 18u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 32u) * BLOCK_BYTES)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let j = k % 32u;
  let qs = weight_u32(row + (k / 32u) * BLOCK_BYTES + 2u + j % 16u);
  let codes = bytes_of((qs >> (4u * (j / 16u))) & 0x0f0f0f0fu);
  return noted_codes(vec4<f32>(codes) - 8.0) * scale.x;
}
