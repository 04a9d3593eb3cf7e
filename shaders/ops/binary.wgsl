// ADD, SUB, MUL, DIV, ADD1: src1 is repeated over src0's shape.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require dst
//! require lib/ieee.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor,
  src1: Tensor,
  node: u32, // index in graph.order
}
@group(0) @binding(0) var<uniform> params: Params;

const ADD = 0u;
const SUB = 1u;
const MUL = 2u;
const DIV = 3u;

fn combined(a: u32, b: u32) -> u32 {
  switch (OPERATOR) {
    case ADD: {
      return add_bits(a, b);
    }
    case SUB: {
      return add_bits(a, b ^ SIGN);
    }
    case MUL: {
      return multiply_bits(a, b);
    }
    default: {
      return divide_bits(a, b);
    }
  }
}

fn element(at: vec4<u32>) {
  let a = src0_bits(address(params.src0, at));
  let b = src1_bits(address(params.src1, at % params.src1.ne));
  store_bits(address(params.dst, at), combined(a, b));
}
