// Q2_K, 84 bytes, 256 elements in 16 groups: value = code (d scale[g]) - dmin min[g]
//
//   byte   0 ..... 15            | 16 ...... 79       | 80 81 | 82 83
//          scale[g] | min[g] << 4 | qs: 2-bit codes    | d     | dmin
//
// Per half (128 elements) 32 bytes qs: element 32 q + l of a half is qs[l] >> 2q.
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 84u;
const GROUP = 16u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let pair = weight_u8(block + (k % 256u) / 16u);
  let d = vec2<f32>(weight_f16(block + 80u), weight_f16(block + 82u));
  return scaled_pair(d, vec2<f32>(f32(pair & 15u), f32(pair >> 4u)));
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let qs = weight_word(row + (k / 256u) * BLOCK_BYTES + 16u + 32u * ((k % 256u) / 128u) + k % 32u);
  let codes = bytes_of((qs >> (2u * ((k % 128u) / 32u))) & 0x03030303u);
  return noted_codes(vec4<f32>(codes)) * scale.x - scale.y;
}
