// Q8_0, 34 bytes, 32 elements: value = code d
//
//   byte   0  1 | 2 ............ 33
//          d    | qs[j] = code[j], signed
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 34u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(weight_f16(row + (k / 32u) * BLOCK_BYTES), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let qs = weight_u32(row + (k / 32u) * BLOCK_BYTES + 2u + k % 32u);
  // each byte to the top, then back down with its sign
  let codes = bitcast<vec4<i32>>(vec4<u32>(qs) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u);
  return vec4<f32>(codes) * scale.x;
}
