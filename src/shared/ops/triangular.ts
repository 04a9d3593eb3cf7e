/**
 * SOLVE_TRI: X with A X = B by forward substitution, x[r] = (b[r] − Σ_{t<r} A[r][t] · x[t]) / A[r][r]. A is lower
 * triangular (what lies above its diagonal is not read); each column of B is a system of its own.
 * Source: `ggml_solve_tri` in ggml.c, which refuses all other variants, and `ggml_compute_forward_solve_tri_f32` in
 * ggml-cpu/ops.cpp.
 *
 * `exact`: all in f64, one rounding of the finished X. `ggml`: products, their sum (t ascending), difference and X
 * rounded to f32.
 */
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

export const SOLVE_TRI_OP: InlineOp = { how: 'inline', check, compute };

function check(node: OpShape): string | undefined {
  const [, n, n2, n3] = node.dst.ne;
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needFloatResult(node),
    needExtents(node, 0, [n, n, n2, n3]),
    needExtents(node, 1, node.dst.ne),
  );
}

function compute(call: OpCall): void {
  const a = sourceOf(call, 0);
  const b = sourceOf(call, 1);
  const [columns, n, n2, n3] = call.dst.ne;
  const r = intermediateRounding(call.arithmetic);
  const factors = new Float32Array(n);
  const row = new Float32Array(columns);
  const sum = new Float64Array(columns);
  const x = new Float64Array(n * columns);
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i = 0; i < n; i++) {
        a.readRow(i, i2, i3, factors, 0);
        b.readRow(i, i2, i3, row, 0);
        sum.fill(0);
        for (let t = 0; t < i; t++) {
          const factor = factors[t] as number;
          for (let c = 0; c < columns; c++) sum[c] = r((sum[c] as number) + r(factor * (x[t * columns + c] as number)));
        }
        const diagonal = factors[i] as number;
        for (let c = 0; c < columns; c++) {
          const v = r(r((row[c] as number) - (sum[c] as number)) / diagonal);
          x[i * columns + c] = v;
          row[c] = v;
        }
        call.dst.writeRow(i, i2, i3, row, 0);
      }
    }
  }
}
