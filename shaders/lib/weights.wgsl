// Source 0 as rows of blocks in the model file's own bytes. A quant file adds
//   BLOCK_ELEMENTS, BLOCK_BYTES   layout of one block
//   GROUP                         elements that share a scale; divides BLOCK_ELEMENTS
//   load_scale(row, k)            scale and offset of the group that starts at element k
//   decode4(row, k, scale)        elements k .. k+3, k a multiple of 4
// where `row` is the row's byte address and k counts elements within the row. GET_ROWS, MUL_MAT and the decode kernel
// all decode through these two functions.
//! require lib/f16.wgsl
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
