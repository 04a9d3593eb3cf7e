// IQ3_XXS, 98 bytes, 256 elements in 8 groups: value = (d (scale[g] + 1/2) / 2) grid sign
//
//   byte   0  1 | 2 ............. 65             | 66 + 4g .... 69 + 4g
//          d    | codebook entries of 4 elements | 32 bits: 31-28 scale, 7l+6 .. 7l signs of elements 32g + 8l .. + 6,
//               |                                | the eighth making their number even
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 98u;
const GROUP = 32u;

fn group_word(row: u32, k: u32) -> u32 {
  return weight_u32(row + (k / 256u) * BLOCK_BYTES + 66u + 4u * ((k % 256u) / 32u));
}

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let scale = group_word(row, k) >> 28u;
  return vec2<f32>(scaled(weight_f16(row + (k / 256u) * BLOCK_BYTES), (f32(scale) + 0.5) * 0.5), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let entry = weight_u8(row + (k / 256u) * BLOCK_BYTES + 2u + (k % 256u) / 4u);
  note(NOTE_CODE, f32(entry));
  let signs = even_signs((group_word(row, k) >> (7u * ((k % 32u) / 8u))) & 127u);
  return scale.x * codebook4(entry) * signs4(signs, k);
}
