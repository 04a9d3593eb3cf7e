// SQR, SQRT, LOG of every element.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require dst
//! require lib/ieee.wgsl
//! require lib/log.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

const SQR = 0u;
const SQRT = 1u;
const LOG = 2u;

fn function_of(bits: u32) -> u32 {
  if (FUNCTION == SQR) {
    return multiply_bits(bits, bits);
  }
  if (magnitude_of(bits) == 0u) {
    return select(bits, SIGN | POSITIVE_INFINITY, FUNCTION == LOG);
  }
  if (is_nan(bits) || bits >= SIGN) {
    return NAN;
  }
  if (is_infinite(bits)) {
    return bits;
  }
  if (FUNCTION == SQRT) {
    return root_of(bits);
  }
  return bitcast<u32>(log_f32(bitcast<f32>(bits)));
}

fn element(at: vec4<u32>) {
  store_bits(address(params.dst, at), function_of(src0_bits(address(params.src0, at))));
}
