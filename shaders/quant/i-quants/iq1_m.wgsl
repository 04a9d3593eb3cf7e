// IQ1_M, 56 bytes, 256 elements in 16 groups: value = (d (2 scale[g] + 1)) (grid + delta), delta = 1/8 or -1/8
//
//   byte   0 ......... 31                   | 32 ......... 47                      | 48 ...... 55
//          qs[i]: low 8 bits of an 11-bit    | nibble i: bit 3 delta is negative,   | 4 words: bits 15-12 of word w are
//          codebook entry, elements 8i .. +7 | bits 2-0 high bits of the entry i    | bits 4w+3 .. 4w of d, below them
//                                            |                                      | four 3-bit scales
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 56u;
const GROUP = 16u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let at = row + (k / 256u) * BLOCK_BYTES + 48u;
  let low = weight_word(at);
  let high = weight_word(at + 4u);
  let d = ((low >> 12u) & 0xfu) | ((low >> 24u) & 0xf0u) | ((high >> 4u) & 0xf00u) | ((high >> 16u) & 0xf000u);
  let group = (k % 256u) / 16u;
  let scale = (weight_u16(at + 2u * (group / 4u)) >> (3u * (group % 4u))) & 7u;
  return vec2<f32>(scaled(f16_to_f32(d), f32(2u * scale + 1u)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let i = (k % 256u) / 8u;
  let high = weight_u8(block + 32u + i / 2u) >> (4u * (i & 1u));
  let entry = weight_u8(block + i) | ((high & 7u) << 8u);
  let delta = select(0.125, -0.125, (high & 8u) != 0u);
  note(NOTE_CODE, f32(entry));
  note(NOTE_DELTA, delta);
  return scale.x * (codebook4(2u * entry + (k & 4u) / 4u) + delta);
}
