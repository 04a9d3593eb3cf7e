// Q3_K, 110 bytes, 256 elements in 16 groups: value = (code - 4) (d (scale[g] - 32))
//
//   byte   0 .... 31                                | 32 ..... 95     | 96 ... 107 | 108 109
//          hmask[l], bit g = bit 2 of code[32g + l] | qs: as in Q2_K  | scales     | d
//
//   scales: 6 bits each; low 4 in nibble g / 8 of byte g % 8, high 2 in bits 2 (g / 4) .. of byte 8 + g % 4
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 110u;
const GROUP = 16u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let group = (k % 256u) / 16u;
  let low = (weight_u8(block + 96u + group % 8u) >> (4u * (group / 8u))) & 15u;
  let high = (weight_u8(block + 104u + group % 4u) >> (2u * (group / 4u))) & 3u;
  return vec2<f32>(scaled(weight_f16(block + 108u), f32(low | (high << 4u)) - 32.0), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let qs = weight_u32(block + 32u + 32u * ((k % 256u) / 128u) + k % 32u);
  let low = (qs >> (2u * ((k % 128u) / 32u))) & 0x03030303u;
  let high = ((weight_u32(block + k % 32u) >> ((k % 256u) / 32u)) & 0x01010101u) << 2u;
  return noted_codes(vec4<f32>(bytes_of(low | high)) - 4.0) * scale.x;
}
