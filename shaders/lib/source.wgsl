// A source: raw words, addressed by byte. A template: `//! require lib/src0.wgsl` brings it in with the name src0 in
// place of `source`, and so on to src6.
//! require lib/types.wgsl
//! require lib/f16.wgsl
@group(0) @binding(SOURCE_BINDING) var<storage, read> source: array<u32>;

// The 16 bits at an even byte address.
fn source_u16(byte: u32) -> u32 {
  return (source[byte >> 2u] >> ((byte & 2u) * 8u)) & 0xffffu;
}

// The bits of one element as f32; I32 elements pass through as they are.
fn source_bits(byte: u32) -> u32 {
  switch (SOURCE_TYPE) {
    case TYPE_F16: {
      return bitcast<u32>(f16_to_f32(source_u16(byte)));
    }
    case TYPE_BF16: {
      return source_u16(byte) << 16u;
    }
    default: {
      return source[byte >> 2u];
    }
  }
}

fn source_f32(byte: u32) -> f32 {
  return bitcast<f32>(source_bits(byte));
}

// Elements k .. k+3 of a dense row at byte address `row`.
fn source_quad(row: u32, k: u32) -> vec4<f32> {
  if (SOURCE_TYPE == TYPE_F32) {
    let word = (row >> 2u) + k;
    return bitcast<vec4<f32>>(vec4<u32>(source[word], source[word + 1u], source[word + 2u], source[word + 3u]));
  }
  let at = row + 2u * k;
  return vec4<f32>(source_f32(at), source_f32(at + 2u), source_f32(at + 4u), source_f32(at + 6u));
}
