// IQ1_S, 50 bytes, 256 elements in 8 groups: value = (d (2 scale[g] + 1)) (grid + delta[g]), delta = 1/8 or -1/8
//
//   byte   0  1 | 2 ......... 33                    | 34 ......... 49
//          d    | qs[i]: low 8 bits of an 11-bit     | qh[g], 16 bits: bit 15 delta is negative, 14-12 scale,
//               | codebook entry, elements 8i .. +7  | 3l+2 .. 3l high bits of the entry i = 4g + l
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 50u;
const GROUP = 32u;

fn group_word(row: u32, k: u32) -> u32 {
  return weight_u16(row + (k / 256u) * BLOCK_BYTES + 34u + 2u * ((k % 256u) / 32u));
}

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let word = group_word(row, k);
  let delta = select(0.125, -0.125, (word & 0x8000u) != 0u);
  note(NOTE_DELTA, delta);
  let d = weight_f16(row + (k / 256u) * BLOCK_BYTES);
  return vec2<f32>(scaled(d, f32(2u * ((word >> 12u) & 7u) + 1u)), delta);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let low = weight_u8(row + (k / 256u) * BLOCK_BYTES + 2u + (k % 256u) / 8u);
  let high = (group_word(row, k) >> (3u * ((k % 32u) / 8u))) & 7u;
  let entry = low | (high << 8u);
  note(NOTE_CODE, f32(entry));
  return scale.x * (codebook4(2u * entry + (k & 4u) / 4u) + scale.y);
}
