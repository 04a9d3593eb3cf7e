// IQ2_XS, 74 bytes, 256 elements in 16 groups: value = (d (scale[g] + 1/2) / 4) grid sign
//
//   byte   0  1 | 2 .................. 65                                | 66 ........ 73
//          d    | qs[i], 16 bits: 8-0 codebook entry of elements 8i ..   | scale[2i] | scale[2i + 1] << 4
//               | +7, 15-9 signs, the eighth making their number even    |
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 74u;
const GROUP = 16u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let group = (k % 256u) / 16u;
  let scale = (weight_u8(block + 66u + group / 2u) >> (4u * (group & 1u))) & 15u;
  return vec2<f32>(scaled(weight_f16(block), (f32(scale) + 0.5) * 0.25), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let word = weight_u16(row + (k / 256u) * BLOCK_BYTES + 2u + 2u * ((k % 256u) / 8u));
  let entry = word & 511u;
  note(NOTE_CODE, f32(entry));
  return scale.x * codebook4(2u * entry + (k & 4u) / 4u) * signs4(even_signs(word >> 9u), k);
}
