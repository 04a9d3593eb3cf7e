/**
 * Two-operand arithmetic with broadcasting, and functions of one value that are ops of their own. Source:
 * `apply_binary_op` in ggml-cpu/binary-ops.cpp, unary-ops.cpp, and `ggml_compute_forward_add1`, `…_scale_f32`,
 * `…_clamp_f32`, `…_leaky_relu_f32` in ggml-cpu/ops.cpp. Each result is one operation, rounded once; ggml does the same
 * in f32, so both arithmetics agree to the bit (a sum or product of two f32, rounded from f64, is that rounded once).
 * The exception is SCALE with a bias: two operations, which some CPUs fuse and others do not.
 */
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import type { FunctionOf } from './pointwise';
import { pointwiseOp } from './pointwise';
import { isEmpty } from './tensor-shape';

type Binary = (a: number, b: number) => number;

/** dst = a ∘ b, b repeated over a in all four dimensions. */
function binaryOp(f: Binary): InlineOp {
  return { how: 'inline', check: checkBinary, compute: (call) => computeBinary(call, f) };
}

const add: Binary = (a, b) => a + b;

export const ADD_OP = binaryOp(add);
export const SUB_OP = binaryOp((a, b) => a - b);
export const MUL_OP = binaryOp((a, b) => a * b);
export const DIV_OP = binaryOp((a, b) => a / b);

/** dst = a + b, b a single value. */
export const ADD1_OP: InlineOp = {
  how: 'inline',
  check: (node) => firstOf(needExtents(node, 1, [1, 1, 1, 1]), checkBinary(node)),
  compute: (call) => computeBinary(call, add),
};

function checkBinary(node: OpShape): string | undefined {
  const b = node.src[1];
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needFloatResult(node),
    needExtents(node, 0, node.dst.ne),
    b && !isEmpty(node.dst.ne) && b.ne.some((n, d) => n === 0 || (node.dst.ne[d] as number) % n !== 0)
      ? `source 1 [${b.ne.join(', ')}] cannot be repeated to [${node.dst.ne.join(', ')}]`
      : undefined,
  );
}

function computeBinary(call: OpCall, f: Binary): void {
  const a = sourceOf(call, 0);
  const b = sourceOf(call, 1);
  const n = a.ne[0];
  const period = b.ne[0];
  const x = new Float32Array(n);
  const y = new Float32Array(period);
  forEachRow(call.dst.ne, (i1, i2, i3) => {
    a.readRow(i1, i2, i3, x, 0);
    b.readRow(i1 % b.ne[1], i2 % b.ne[2], i3 % b.ne[3], y, 0);
    for (let i = 0; i < n; i++) x[i] = f(x[i] as number, y[i % period] as number);
    call.dst.writeRow(i1, i2, i3, x, 0);
  });
}

/** dst = x × scale + bias; op_params: scale, bias. */
export const SCALE_OP = pointwiseOp((opParams, arithmetic) => {
  const r = intermediateRounding(arithmetic);
  const scale = floatParam(opParams, 0);
  const bias = floatParam(opParams, 1);
  return (x) => r(x * scale) + bias;
});

/** dst = max(min(x, high), low), by comparisons that NaN fails: it becomes `high`. op_params: low, high. */
export const CLAMP_OP = pointwiseOp((opParams) => {
  const low = floatParam(opParams, 0);
  const high = floatParam(opParams, 1);
  return (x) => {
    const lower = x < high ? x : high;
    return lower > low ? lower : low;
  };
});

/** dst = x where x > 0, slope × x where x < 0; zero and NaN become 0. op_params: slope. */
export const LEAKY_RELU_OP = pointwiseOp((opParams) => {
  const slope = floatParam(opParams, 0);
  return (x) => (x > 0 ? x : 0) + slope * (x < 0 ? x : 0);
});

/** Functions that ggml does not count among its unary ops. */
export const MATH_FUNCTIONS = {
  SQR: () => (x) => x * x,
  SQRT: () => Math.sqrt,
  LOG: () => Math.log,
  SIN: () => Math.sin,
  COS: () => Math.cos,
} as const satisfies Record<string, FunctionOf>;
