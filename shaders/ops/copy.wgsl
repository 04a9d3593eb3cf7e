// CPY, CONT, DUP: elements in memory order of the one shape go to memory order of the other, converted.
//! require lib/per-element.wgsl
//! require lib/move.wgsl
//! require lib/round.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

const I32_TO_F32 = 1u;
const F32_TO_I32 = 2u;

// Towards zero; the nearest I32 where there is none, 0 for NaN.
fn f32_bits_to_i32(bits: u32) -> u32 {
  let exponent = (bits >> 23u) & 0xffu;
  let is_negative = bits >= 0x80000000u;
  if (exponent < 127u || (bits & 0x7fffffffu) > 0x7f800000u) {
    return 0u;
  }
  if (exponent >= 158u) {
    return select(0x7fffffffu, 0x80000000u, is_negative);
  }
  let mantissa = (bits & 0x7fffffu) | 0x800000u;
  let magnitude = select(mantissa >> (150u - min(exponent, 150u)), mantissa << (max(exponent, 150u) - 150u), exponent > 150u);
  return select(magnitude, ~magnitude + 1u, is_negative);
}

fn element(at: vec4<u32>) {
  let to = address(params.dst, at);
  let origin = address(params.src0, coordinates(index_of(at, params.dst.ne), params.src0.ne));
  switch (CONVERSION) {
    case I32_TO_F32: {
      let bits = src0_bits(origin);
      store(to, i64_to_f32(select(0u, 0xffffffffu, bits >= 0x80000000u), bits));
    }
    case F32_TO_I32: {
      store_bits(to, f32_bits_to_i32(src0_bits(origin)));
    }
    default: {
      move_element(to, origin);
    }
  }
}
