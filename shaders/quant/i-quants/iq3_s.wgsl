// IQ3_S, 110 bytes, 256 elements in 8 groups: value = (d (2 scale[g] + 1)) grid sign
//
//   byte   0  1 | 2 ..... 65          | 66 .... 73          | 74 ... 105            | 106 .... 109
//          d    | qs[i]: low 8 bits   | qh: bit i, counted  | signs[i]: bit j set:  | scale[2i] |
//               | of an entry, 4i ..  | through, is bit 8   | 8i + j is negative    | scale[2i + 1] << 4
//               | 4i + 3              | of the entry i      |                       |
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 110u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let group = (k % 256u) / 32u;
  let scale = (weight_u8(block + 106u + group / 2u) >> (4u * (group & 1u))) & 15u;
  return vec2<f32>(scaled(weight_f16(block), f32(2u * scale + 1u)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let i = (k % 256u) / 4u;
  let high = (weight_u8(block + 66u + i / 8u) >> (i & 7u)) & 1u;
  let entry = weight_u8(block + 2u + i) | (high << 8u);
  note(NOTE_CODE, f32(entry));
  return scale.x * codebook4(entry) * signs4(weight_u8(block + 74u + i / 2u), k);
}
