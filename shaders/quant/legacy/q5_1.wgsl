// Q5_1, 24 bytes, 32 elements: value = code d + m
//
//   byte   0  1 | 2  3 | 4 .. 7                        | 8 ............ 23
//          d    | m    | qh, bit i = bit 4 of code[i]  | qs[j] = low(code[j]) | low(code[j + 16]) << 4
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 24u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 32u) * BLOCK_BYTES;
  return noted_d_m(vec2<f32>(weight_f16(block), weight_f16(block + 2u)));
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 32u) * BLOCK_BYTES;
  let j = k % 32u;
  let qs = weight_word(block + 8u + j % 16u);
  let low = bytes_of((qs >> (4u * (j / 16u))) & 0x0f0f0f0fu);
  let high = (vec4<u32>(weight_word(block + 4u) >> j) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
  return noted_codes(vec4<f32>(low | (high << vec4<u32>(4u)))) * scale.x + scale.y;
}
