// Source 0: raw words, addressed by byte.
//! require lib/types.wgsl
//! require lib/f16.wgsl
@group(0) @binding(2) var<storage, read> src0: array<u32>;

// The 16 bits at an even byte address.
fn src0_u16(byte: u32) -> u32 {
  return (src0[byte >> 2u] >> ((byte & 2u) * 8u)) & 0xffffu;
}

// The bits of one element as f32; I32 elements pass through as they are.
fn src0_bits(byte: u32) -> u32 {
  switch (SRC0_TYPE) {
    case TYPE_F16: {
      return bitcast<u32>(f16_to_f32(src0_u16(byte)));
    }
    case TYPE_BF16: {
      return src0_u16(byte) << 16u;
    }
    default: {
      return src0[byte >> 2u];
    }
  }
}

fn src0_f32(byte: u32) -> f32 {
  return bitcast<f32>(src0_bits(byte));
}
