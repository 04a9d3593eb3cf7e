// The activation functions of UNARY and GLU.
//! require lib/exp.wgsl
const SILU = 0u;
const GELU = 1u;
const RELU = 2u;

const SQRT_2_OVER_PI = 0.79788456080286535588;

// x / (1 + e^-t), without an infinity on the way
fn gate(x: f32, t: f32) -> f32 {
  return x / (1.0 + exp_f32(-t));
}

fn activate(x: f32) -> f32 {
  switch (ACTIVATION) {
    case SILU: {
      return gate(x, x);
    }
    case GELU: {
      // x/2 (1 + tanh u) = x / (1 + e^-2u), which does not cancel for negative u
      let u = SQRT_2_OVER_PI * x * (1.0 + 0.044715 * x * x);
      return gate(x, 2.0 * u);
    }
    default: {
      return max(x, 0.0);
    }
  }
}
