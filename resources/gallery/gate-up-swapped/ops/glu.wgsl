// GLU: dst = activate(src0) * src1. Where one tensor holds both halves, both sources are views of it, made by the
// executor. SWIGLU_OAI and SWIGLU_CLAMP limit the gate from above and the other factor on both sides first; SWIGLU_OAI
// adds 1 to that factor.
//! require lib/per-element.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require dst
//! require lib/activations.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // the gate, which goes through the activation
  src1: Tensor,
  node: u32, // index in graph.order
  at_infinity: u32, // bits of the activation's value there; see AtSpecials
  at_minus_infinity: u32,
  at_nan: u32,
  alpha: f32, // of SWISH
  limit: f32,
  offset: f32, // added to the other factor
}
@group(0) @binding(0) var<uniform> params: Params;

// std::min and std::clamp: NaNs stay
fn at_most(bits: u32, limit: u32) -> u32 {
  return select(bits, limit, is_less(limit, bits));
}

fn element(at: vec4<u32>) {
  var gate_bits = src1_bits(address(params.src1, at));
  var other = src0_bits(address(params.src0, at));
  let to = address(params.dst, at);
  if (LIMITED) {
    let limit = bitcast<u32>(params.limit);
    gate_bits = at_most(gate_bits, limit);
    let low = limit ^ SIGN;
    if (is_less(other, low)) {
      other = low;
    } else {
      other = at_most(other, limit);
    }
    other = add_bits(other, bitcast<u32>(params.offset));
  }
  if (ACTIVATION == RELU && !is_positive(gate_bits)) {
    store_bits(to, 0u); // whatever the other factor is
    return;
  }
  let specials = AtSpecials(params.at_infinity, params.at_minus_infinity, params.at_nan);
  let activated = activate(gate_bits, specials, vec4<f32>(params.alpha, 0.0, 0.0, 0.0));
  store_bits(to, multiply_bits(activated, other));
}
