/**
 * OUT_PROD: C = A·Bᵀ, C[i0, i1, i2, i3] = Σₖ A[i0, k, i2/r2, i3/r3] × B[i1, k, i2, i3], A repeated over B's dimensions 2
 * and 3. Source: `ggml_out_prod` in ggml.c, `ggml_compute_forward_out_prod` in ggml-cpu/ops.cpp.
 *
 * Products and sums in f64, over k ascending; one rounding to f32. `ggml` is the same: its f32 sums differ in order
 * between CPUs, and it converts nothing.
 */
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, needDecodable, needResult, sourceOf } from './op';
import { dimsText } from './tensor-shape';

export const OUT_PROD_OP: InlineOp = { how: 'inline', check, compute };

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const [a, b] = src;
  if (!a || !b) return `source ${a ? 1 : 0} is missing`;
  const [n0, , n2, n3] = b.ne;
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    (a.ne[1] !== b.ne[1] || n2 % a.ne[2] !== 0 || n3 % a.ne[3] !== 0) &&
      `A ${dimsText(a.ne)} does not fit B ${dimsText(b.ne)}`,
    needResult(node, [a.ne[0], n0, n2, n3]),
    dst.type !== 'F32' && `a ${dst.type} result`,
  );
}

function compute(call: OpCall): void {
  const [a, b] = [sourceOf(call, 0), sourceOf(call, 1)];
  const [n0, n1, n2, n3] = call.dst.ne;
  const aRow = new Float32Array(n0);
  const bRow = new Float32Array(n1);
  const sums = new Float64Array(n0 * n1);
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      sums.fill(0);
      for (let k = 0; k < a.ne[1]; k++) {
        a.readRow(k, Math.floor(i2 / (n2 / a.ne[2])), Math.floor(i3 / (n3 / a.ne[3])), aRow, 0);
        b.readRow(k, i2, i3, bRow, 0);
        addProducts(aRow, bRow, sums);
      }
      for (let i1 = 0; i1 < n1; i1++)
        call.dst.writeRow(i1, i2, i3, Float32Array.from(sums.subarray(i1 * n0, (i1 + 1) * n0)), 0);
    }
  }
}

function addProducts(a: Float32Array, b: Float32Array, sums: Float64Array): void {
  for (let i1 = 0, at = 0; i1 < b.length; i1++) {
    const y = b[i1] as number;
    for (let i0 = 0; i0 < a.length; i0++, at++) sums[at]! += (a[i0] as number) * y;
  }
}
