// The functions of UNARY and the gates of GLU. `enum ggml_unary_op` of ggml.h gives the numbers.
//! require lib/exp-bits.wgsl
//! require lib/tanh.wgsl
//! require lib/softplus.wgsl
const ABS = 0u;
const SGN = 1u;
const NEG = 2u;
const STEP = 3u;
const TANH = 4u;
const ELU = 5u;
const RELU = 6u;
const SIGMOID = 7u;
const GELU = 8u;
const GELU_QUICK = 9u;
const SILU = 10u;
const HARDSWISH = 11u;
const HARDSIGMOID = 12u;
const EXP = 13u;
const EXPM1 = 14u;
const SOFTPLUS = 15u;
const GELU_ERF = 16u;
const XIELU = 17u;
const FLOOR = 18u;
const CEIL = 19u;
const ROUND = 20u;
const TRUNC = 21u;
// x sigmoid(alpha x): the gate of SWIGLU_OAI, no op of its own
const SWISH = 100u;

const SQRT_2_OVER_PI = 0.79788456080286535588;

// What a function makes of infinities and NaN; the CPU's formula says it.
struct AtSpecials {
  infinity: u32, // bits
  minus_infinity: u32, // bits
  nan: u32, // bits
}

// x / (1 + e^-t), without an infinity on the way
fn gate(x: f32, t: f32) -> f32 {
  let e = exp_f32(-abs(t));
  return select(x, x * e, t < 0.0) / (1.0 + e);
}

// x times the normal distribution's integral up to x: x/2 (1 + erf(x / sqrt 2)), which does not cancel for negative x.
//
//   a = |x|;  integral up to -a = e^(-a^2/2) t h(t),  t = 1 / (1 + a/4)
//
// h: interpolated at Chebyshev's points for 0 <= a <= 14, where it is off by 2^-26.
fn gelu_erf(x: f32) -> f32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.25 * a);
  var h = 0.015383603341;
  h = h * t - 0.0563454642963;
  h = h * t + 0.036615254974;
  h = h * t + 0.0483180833782;
  h = h * t - 0.00367795935984;
  h = h * t + 0.0953755682802;
  h = h * t + 0.0690116360914;
  h = h * t + 0.0961508646744;
  h = h * t + 0.0994166231254;
  h = h * t + 0.0997517921878;
  // a^2 in two parts, the first exact: rounded, it would cost the power a^2/2 ulp
  let near = bitcast<f32>(bitcast<u32>(min(a, 14.0)) & 0xfffff000u);
  let power = exp_f32(-0.5 * near * near) * exp_f32(-0.5 * (min(a, 14.0) - near) * (min(a, 14.0) + near));
  let tail = power * t * h;
  return x * select(1.0 - tail, tail, x < 0.0);
}

fn hard_sigmoid(x: f32) -> f32 {
  return clamp((x + 3.0) / 6.0, 0.0, 1.0);
}

// constants: alpha_n, alpha_p, beta, eps
fn xielu(x: f32, constants: vec4<f32>) -> f32 {
  let linear = constants.z * x;
  if (x > 0.0) {
    return constants.y * x * x + linear;
  }
  return (expm1_f32(min(min(x, constants.w), 80.0)) - x) * constants.x + linear;
}

// Of magnitudes below 1 the sign decides between `below` and `above`: comparisons may take a subnormal for 0.
fn rounded(bits: u32, value: f32, above: u32, below: u32) -> u32 {
  if (magnitude_of(bits) == 0u || magnitude_of(bits) >= ONE) {
    return bitcast<u32>(value);
  }
  return select(above, below, bits >= SIGN);
}

// Half-way cases go away from 0.
fn round_half_away(x: f32) -> f32 {
  let a = abs(x);
  let whole = floor(a);
  return sign(x) * select(whole, whole + 1.0, a - whole >= 0.5);
}

// Bits of the function's value at the number with these bits.
fn activate(bits: u32, specials: AtSpecials, constants: vec4<f32>) -> u32 {
  if (is_nan(bits)) {
    return specials.nan;
  }
  if (is_infinite(bits)) {
    return select(specials.infinity, specials.minus_infinity, bits >= SIGN);
  }
  let x = bitcast<f32>(bits);
  switch (ACTIVATION) {
    case ABS: {
      return magnitude_of(bits);
    }
    case NEG: {
      return bits ^ SIGN;
    }
    case SGN: {
      return select((bits & SIGN) | ONE, 0u, magnitude_of(bits) == 0u);
    }
    case STEP: {
      return select(0u, ONE, is_positive(bits));
    }
    case RELU: {
      return select(0u, bits, is_positive(bits));
    }
    case TANH: {
      return bitcast<u32>(tanh_f32(x));
    }
    case ELU: {
      return select(bitcast<u32>(expm1_f32(min(x, 0.0))), bits, is_positive(bits));
    }
    case SIGMOID: {
      return bitcast<u32>(gate(1.0, x));
    }
    case SILU: {
      return bitcast<u32>(gate(x, x));
    }
    case SWISH: {
      return bitcast<u32>(gate(x, constants.x * x));
    }
    case GELU: {
      // x/2 (1 + tanh u) = x / (1 + e^-2u), which does not cancel for negative u
      let u = SQRT_2_OVER_PI * x * (1.0 + 0.044715 * x * x);
      return bitcast<u32>(gate(x, 2.0 * u));
    }
    case GELU_QUICK: {
      return bitcast<u32>(gate(x, 1.702 * x));
    }
    case GELU_ERF: {
      return bitcast<u32>(gelu_erf(x));
    }
    case HARDSWISH: {
      return bitcast<u32>(x * hard_sigmoid(x));
    }
    case HARDSIGMOID: {
      return bitcast<u32>(hard_sigmoid(x));
    }
    case EXP: {
      return exp_bits(x);
    }
    case EXPM1: {
      return expm1_bits(x);
    }
    case SOFTPLUS: {
      return bitcast<u32>(softplus_f32(x));
    }
    case XIELU: {
      return bitcast<u32>(xielu(x, constants));
    }
    case FLOOR: {
      return rounded(bits, floor(x), 0u, SIGN | ONE);
    }
    case CEIL: {
      return rounded(bits, ceil(x), ONE, SIGN);
    }
    case ROUND: {
      return bitcast<u32>(round_half_away(x));
    }
    default: { // TRUNC
      return bitcast<u32>(trunc(x));
    }
  }
}
