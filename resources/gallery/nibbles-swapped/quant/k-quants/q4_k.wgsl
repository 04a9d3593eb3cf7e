// Q4_K, 144 bytes, 256 elements in 8 groups: value = code (d scale[g]) - dmin min[g]
//
//   byte   0  1 | 2  3 | 4 .... 15            | 16 ............ 143
//          d    | dmin | scales and mins      | qs: per 64 elements 32 bytes, first 32 codes low, next 32 high
//! require lib/scale-min-k4.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 144u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let d = vec2<f32>(weight_f16(block), weight_f16(block + 2u));
  return scaled_pair(d, scale_min_k4(block + 4u, (k % 256u) / 32u));
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let group = (k % 256u) / 32u;
  let qs = weight_word(row + (k / 256u) * BLOCK_BYTES + 16u + 32u * (group / 2u) + k % 32u);
  let codes = bytes_of((qs >> (4u * (1u - (group & 1u)))) & 0x0f0f0f0fu);
  return noted_codes(vec4<f32>(codes)) * scale.x - scale.y;
}
