// IQ4_NL, 18 bytes, 32 elements: value = d grid[code]
//
//   byte   0  1 | 2 ............ 17
//          d    | qs[j] = code[j] | code[j + 16] << 4
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 18u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 32u) * BLOCK_BYTES)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let j = k % 32u;
  let qs = weight_u32(row + (k / 32u) * BLOCK_BYTES + 2u + j % 16u);
  return scale.x * codebook_values(bytes_of((qs >> (4u * (j / 16u))) & 0x0f0f0f0fu));
}
