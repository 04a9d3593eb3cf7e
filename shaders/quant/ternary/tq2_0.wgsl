// TQ2_0, 66 bytes, 256 elements: value = (code - 1) d
//
//   byte   0 ...... 63                                                       | 64 65
//          qs: per half (128 elements) 32 bytes; element 32 q + l is >> 2q   | d
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 66u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 256u) * BLOCK_BYTES + 64u)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let qs = weight_u32(row + (k / 256u) * BLOCK_BYTES + 32u * ((k % 256u) / 128u) + k % 32u);
  let codes = bytes_of((qs >> (2u * ((k % 128u) / 32u))) & 0x03030303u);
  return noted_codes(vec4<f32>(codes) - 1.0) * scale.x;
}
