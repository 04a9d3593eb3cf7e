// Q5_K, 176 bytes, 256 elements in 8 groups: value = code (d scale[g]) - dmin min[g]
//
//   byte   0  1 | 2  3 | 4 .... 15       | 16 .. 47                             | 48 ............ 175
//          d    | dmin | scales and mins | qh[l], bit g = bit 4 of code[32g+l]  | qs: as Q4_K, low 4 bits
//! require lib/scale-min-k4.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 176u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let d = vec2<f32>(weight_f16(block), weight_f16(block + 2u));
  return scaled_pair(d, scale_min_k4(block + 4u, (k % 256u) / 32u));
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let group = (k % 256u) / 32u;
  let qs = weight_word(block + 48u + 32u * (group / 2u) + k % 32u);
  let low = (qs >> (4u * (group & 1u))) & 0x0f0f0f0fu;
  let high = ((weight_word(block + 16u + k % 32u) >> group) & 0x01010101u) << 4u;
  return noted_codes(vec4<f32>(bytes_of(low | high))) * scale.x - scale.y;
}
