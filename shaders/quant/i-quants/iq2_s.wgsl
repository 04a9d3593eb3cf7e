// IQ2_S, 82 bytes, 256 elements in 16 groups: value = (d (scale[g] + 1/2) / 4) grid sign
//
//   byte   0  1 | 2 .. 33          | 34 .. 65              | 66 ....... 73                   | 74 ........ 81
//          d    | qs[i]: low 8     | signs[i]: bit j set:  | qh: 2 bits each, high bits of   | scale[2i] |
//               | bits of an entry | 8i + j is negative    | the entries                     | scale[2i + 1] << 4
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 82u;
const GROUP = 16u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let group = (k % 256u) / 16u;
  let scale = (weight_u8(block + 74u + group / 2u) >> (4u * (group & 1u))) & 15u;
  return vec2<f32>(scaled(weight_f16(block), (f32(scale) + 0.5) * 0.25), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let i = (k % 256u) / 8u;
  let high = (weight_u8(block + 66u + i / 4u) >> (2u * (i & 3u))) & 3u;
  let entry = weight_u8(block + 2u + i) | (high << 8u);
  note(NOTE_CODE, f32(entry));
  return scale.x * codebook4(2u * entry + (k & 4u) / 4u) * signs4(weight_u8(block + 34u + i), k);
}
