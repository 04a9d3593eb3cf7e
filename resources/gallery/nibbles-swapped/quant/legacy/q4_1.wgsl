// Q4_1, 20 bytes, 32 elements: value = code d + m
//
//   byte   0  1 | 2  3 | 4 ............ 19
//          d    | m    | qs[j] = code[j] | code[j + 16] << 4
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 20u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 32u) * BLOCK_BYTES;
  return noted_d_m(vec2<f32>(weight_f16(block), weight_f16(block + 2u)));
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let j = k % 32u;
  let qs = weight_word(row + (k / 32u) * BLOCK_BYTES + 4u + j % 16u);
  let codes = bytes_of((qs >> (4u * (1u - j / 16u))) & 0x0f0f0f0fu);
  return noted_codes(vec4<f32>(codes)) * scale.x + scale.y;
}
