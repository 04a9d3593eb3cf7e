// Q1_0, 18 bytes, 128 elements: value = d where the bit is set, else -d
//
//   byte   0  1 | 2 ............ 17
//          d    | qs: bit i of byte j = code[8j + i]
const BLOCK_ELEMENTS = 128u;
const BLOCK_BYTES = 18u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 128u) * BLOCK_BYTES)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let byte = weight_u8(row + (k / 128u) * BLOCK_BYTES + 2u + (k % 128u) / 8u);
  let bits = (vec4<u32>(byte >> (k & 4u)) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
  let codes = noted_codes(vec4<f32>(bits));
  return select(vec4<f32>(-scale.x), vec4<f32>(scale.x), codes == vec4<f32>(1.0));
}
