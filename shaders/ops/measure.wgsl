// What this device's arithmetic does, for its fingerprint. src0 holds the operands, so that no compiler knows them; one
// invocation computes everything. src/shared/gpu/measure-numerics.ts has the operands and reads the results.
struct Params {
  count: u32, // operands
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;
@group(0) @binding(2) var<storage, read> src0: array<u32>;

fn operand(i: u32) -> f32 {
  return bitcast<f32>(src0[i]);
}

fn result(i: u32, value: f32) {
  dst[i] = bitcast<u32>(value);
}

@compute @workgroup_size(1)
fn main() {
  let one = operand(0u);
  let subnormal = operand(1u);
  // f32 subnormals: as an operand, as a result, as a copy through f32
  result(0u, subnormal * operand(2u));
  result(1u, operand(3u) * operand(4u));
  result(2u, subnormal);
  // f16: a subnormal unpacked and packed; roundings; overflow
  result(3u, unpack2x16float(src0[5]).x);
  dst[4] = pack2x16float(vec2<f32>(operand(6u), 0.0)) & 0xffffu;
  for (var i = 0u; i < 4u; i++) {
    dst[5u + i] = pack2x16float(vec2<f32>(operand(7u + i), 0.0)) & 0xffffu;
  }
  // infinities and NaNs: through arithmetic, made by arithmetic, copied through f32, compared
  result(9u, operand(11u) * one);
  result(10u, operand(12u) * one);
  result(11u, operand(13u) * operand(14u));
  result(12u, operand(11u) - operand(11u));
  result(13u, operand(11u));
  result(14u, operand(12u));
  result(15u, operand(15u));
  let nan = operand(12u);
  dst[16] = select(0u, 1u, nan != nan);
  // one rounding or two: a * b + c
  result(17u, operand(16u) * operand(16u) + operand(17u));
  result(18u, fma(operand(16u), operand(16u), operand(17u)));
  // (a + b) - a, which is b only where sums are reordered
  result(19u, (operand(18u) + one) - operand(18u));
  // integer to float: ties to even, or cut off
  result(20u, f32(src0[19]));
  result(21u, f32(src0[20]));
}
