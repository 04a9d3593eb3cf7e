/**
 * Two-operand arithmetic with broadcasting, and SCALE. Source: `apply_binary_op` in ggml-cpu/binary-ops.cpp,
 * `ggml_compute_forward_scale_f32` in ggml-cpu/ops.cpp. Each result is one operation, rounded once; ggml does the same
 * in f32, so both arithmetics agree to the bit (a sum or product of two f32, rounded from f64, is that rounded once).
 */
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

type Binary = (a: number, b: number) => number;

/** dst = a ∘ b, b repeated over a in all four dimensions. */
function binaryOp(f: Binary): InlineOp {
  return { how: 'inline', check: checkBinary, compute: (call) => computeBinary(call, f) };
}

export const ADD_OP = binaryOp((a, b) => a + b);
export const SUB_OP = binaryOp((a, b) => a - b);
export const MUL_OP = binaryOp((a, b) => a * b);
export const DIV_OP = binaryOp((a, b) => a / b);

function checkBinary(node: OpShape): string | undefined {
  const b = node.src[1];
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needFloatResult(node),
    needExtents(node, 0, node.dst.ne),
    b && b.ne.some((n, d) => n === 0 || (node.dst.ne[d] as number) % n !== 0)
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
export const SCALE_OP: InlineOp = { how: 'inline', check: checkScale, compute: computeScale };

function checkScale(node: OpShape): string | undefined {
  return firstOf(needDecodable(node, 0), needFloatResult(node), needExtents(node, 0, node.dst.ne));
}

function computeScale(call: OpCall): void {
  const source = sourceOf(call, 0);
  const scale = floatParam(call.opParams, 0);
  const bias = floatParam(call.opParams, 1);
  const row = new Float32Array(source.ne[0]);
  forEachRow(source.ne, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    // ggml fuses the two into one rounding where the CPU can.
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) * scale + bias;
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}
