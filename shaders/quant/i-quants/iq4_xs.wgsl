// IQ4_XS, 136 bytes, 256 elements in 8 groups: value = (d (scale[g] - 32)) grid[code]
//
//   byte   0  1 | 2 3                              | 4 .... 7                     | 8 + 16g .... 23 + 16g
//          d    | 16 bits: 2g + 1, 2g high bits of | low bits of scale[2i], and of | qs[j] = code[32g + j] |
//               | scale[g]                         | scale[2i + 1] << 4            | code[32g + 16 + j] << 4
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 136u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let group = (k % 256u) / 32u;
  let low = (weight_u8(block + 4u + group / 2u) >> (4u * (group & 1u))) & 15u;
  let high = (weight_u16(block + 2u) >> (2u * group)) & 3u;
  return vec2<f32>(scaled(weight_f16(block), f32(low | (high << 4u)) - 32.0), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let j = k % 32u;
  let qs = weight_word(row + (k / 256u) * BLOCK_BYTES + 8u + 16u * ((k % 256u) / 32u) + j % 16u);
  return scale.x * codebook_values(bytes_of((qs >> (4u * (j / 16u))) & 0x0f0f0f0fu));
}
