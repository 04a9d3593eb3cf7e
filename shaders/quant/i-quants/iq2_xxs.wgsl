// IQ2_XXS, 66 bytes, 256 elements in 8 groups: value = (d (scale[g] + 1/2) / 4) grid sign
//
//   byte   0  1 | 2 + 8g .... 5 + 8g             | 6 + 8g .... 9 + 8g
//          d    | codebook entries of 8 elements | 32 bits: 31-28 scale, 7l+6 .. 7l signs of the entry l, the eighth
//               |                                | making their number even
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 66u;
const GROUP = 32u;

fn group_address(row: u32, k: u32) -> u32 {
  return row + (k / 256u) * BLOCK_BYTES + 2u + 8u * ((k % 256u) / 32u);
}

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let scale = weight_u32(group_address(row, k) + 4u) >> 28u;
  return vec2<f32>(scaled(weight_f16(row + (k / 256u) * BLOCK_BYTES), (f32(scale) + 0.5) * 0.25), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let group = group_address(row, k);
  let l = (k % 32u) / 8u;
  let entry = weight_u8(group + l);
  note(NOTE_CODE, f32(entry));
  let signs = even_signs((weight_u32(group + 4u) >> (7u * l)) & 127u);
  return scale.x * codebook4(2u * entry + (k & 4u) / 4u) * signs4(signs, k);
}
