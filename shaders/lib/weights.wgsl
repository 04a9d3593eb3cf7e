// Source 0 as rows of blocks in the model file's own bytes. A quant file adds
//   BLOCK_ELEMENTS, BLOCK_BYTES   layout of one block
//   GROUP                         elements that share a scale; divides BLOCK_ELEMENTS
//   load_scale(row, k)            what decode4 needs of the group that starts at element k: scale and offset
//   decode4(row, k, scale)        elements k .. k+3, k a multiple of 4
// where `row` is the row's byte address and k counts elements within the row. GET_ROWS, MUL_MAT, the decode kernel and the
// kernel probe all decode through these two functions; note(field, value) in them is what the probe shows.
//! require lib/f16.wgsl
//! require notes
@group(0) @binding(2) var<storage, read> src0: array<u32>;

fn weight_u8(byte: u32) -> u32 {
  return (src0[byte >> 2u] >> ((byte & 3u) * 8u)) & 0xffu;
}

// Even address.
fn weight_u16(byte: u32) -> u32 {
  return (src0[byte >> 2u] >> ((byte & 2u) * 8u)) & 0xffffu;
}

// Address divisible by 4: formats whose blocks are.
fn weight_word(byte: u32) -> u32 {
  return src0[byte >> 2u];
}

// Any address: blocks of 18, 22, 34 or 210 bytes are aligned to 2 only.
fn weight_u32(byte: u32) -> u32 {
  let word = byte >> 2u;
  let shift = (byte & 3u) * 8u;
  if (shift == 0u) {
    return src0[word];
  }
  return (src0[word] >> shift) | (src0[word + 1u] << (32u - shift));
}

fn weight_f16(byte: u32) -> f32 {
  return f16_to_f32(weight_u16(byte));
}

// The four bytes of a word, lowest address first.
fn bytes_of(word: u32) -> vec4<u32> {
  return (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu);
}

// The same as int8: each byte to the top, then back down with its sign.
fn signed_bytes_of(word: u32) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

// Four codes as the formula uses them.
fn noted_codes(codes: vec4<f32>) -> vec4<f32> {
  note4(NOTE_CODE, codes);
  return codes;
}

// The scale of a block without sub-blocks.
fn noted_d(d: f32) -> f32 {
  note(NOTE_D, d);
  return d;
}

// The block's scale times the sub-block's.
fn scaled(d: f32, scale: f32) -> f32 {
  note(NOTE_D, d);
  note(NOTE_SCALE, scale);
  note(NOTE_D_SCALE, d * scale);
  return d * scale;
}

// d and dmin times the scale and the min of the sub-block.
fn scaled_pair(d: vec2<f32>, scale: vec2<f32>) -> vec2<f32> {
  note(NOTE_DMIN, d.y);
  note(NOTE_MIN, scale.y);
  note(NOTE_DMIN_MIN, d.y * scale.y);
  return vec2<f32>(scaled(d.x, scale.x), d.y * scale.y);
}

// Scale and min of a block without sub-blocks.
fn noted_d_m(d: vec2<f32>) -> vec2<f32> {
  note(NOTE_D, d.x);
  note(NOTE_DMIN, d.y);
  return d;
}
