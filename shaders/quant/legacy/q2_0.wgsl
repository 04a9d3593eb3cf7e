// Q2_0, 18 bytes, 64 elements: value = (code - 1) d
//
//   byte   0  1 | 2 ............ 17
//          d    | qs[j] = code[4j] | code[4j + 1] << 2 | code[4j + 2] << 4 | code[4j + 3] << 6
const BLOCK_ELEMENTS = 64u;
const BLOCK_BYTES = 18u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 64u) * BLOCK_BYTES)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let byte = weight_u8(row + (k / 64u) * BLOCK_BYTES + 2u + (k % 64u) / 4u);
  let codes = (vec4<u32>(byte) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(3u);
  return noted_codes(vec4<f32>(codes) - 1.0) * scale.x;
}
