// Source 1: raw words, addressed by byte.
//! require lib/types.wgsl
//! require lib/f16.wgsl
@group(0) @binding(3) var<storage, read> src1: array<u32>;

// The 16 bits at an even byte address.
fn src1_u16(byte: u32) -> u32 {
  return (src1[byte >> 2u] >> ((byte & 2u) * 8u)) & 0xffffu;
}

// The bits of one element as f32; I32 elements pass through as they are.
fn src1_bits(byte: u32) -> u32 {
  switch (SRC1_TYPE) {
    case TYPE_F16: {
      return bitcast<u32>(f16_to_f32(src1_u16(byte)));
    }
    case TYPE_BF16: {
      return src1_u16(byte) << 16u;
    }
    default: {
      return src1[byte >> 2u];
    }
  }
}

fn src1_f32(byte: u32) -> f32 {
  return bitcast<f32>(src1_bits(byte));
}

// Elements k .. k+3 of a dense row at byte address `row`.
fn src1_quad(row: u32, k: u32) -> vec4<f32> {
  if (SRC1_TYPE == TYPE_F32) {
    let word = (row >> 2u) + k;
    return bitcast<vec4<f32>>(vec4<u32>(src1[word], src1[word + 1u], src1[word + 2u], src1[word + 3u]));
  }
  let at = row + 2u * k;
  return vec4<f32>(src1_f32(at), src1_f32(at + 2u), src1_f32(at + 4u), src1_f32(at + 6u));
}
