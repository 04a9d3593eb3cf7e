/**
 * Sums over rows or whole tensors, and the place of the greatest. Source: `ggml_compute_forward_sum_f32`, `…_sum_f16`,
 * `…_sum_rows_f32`, `…_mean_f32`, `…_cumsum_f32`, `…_argmax_f32` in ggml-cpu/ops.cpp.
 *
 * `exact`: sums in f64, rows and elements ascending. `ggml`: the same for F32 sources; CUMSUM and sums of F16 and BF16
 * add in f32, and MEAN rounds the sum to f32 before it divides.
 */
import type { Rounding } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import type { RowSource } from './operand';
import { dimsText, sameExtents } from './tensor-shape';

/** dst[0] = Σ of all elements */
export const SUM_OP: InlineOp = { how: 'inline', check: checkSum, compute: sum };

/** dst[0] = Σ of a row */
export const SUM_ROWS_OP: InlineOp = { how: 'inline', check: checkRows, compute: sumRows };

/** dst[0] = Σ of a row / its length; NaN for an empty one */
export const MEAN_OP: InlineOp = { how: 'inline', check: checkRows, compute: mean };

/** dst[i] = Σ of a row up to i, i included */
export const CUMSUM_OP: InlineOp = { how: 'inline', check: checkCumsum, compute: cumsum };

/** dst[row] = index of the row's greatest element, of the last among equals; I32 */
export const ARGMAX_OP: InlineOp = { how: 'inline', check: checkArgmax, compute: argmax };

function checkSum(node: OpShape): string | undefined {
  const { ne } = node.dst;
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    ne.some((n) => n !== 1) && `the result is ${dimsText(ne)}; one element is expected`,
  );
}

function checkRows(node: OpShape): string | undefined {
  const { ne } = node.dst;
  const rows = node.src[0]?.ne ?? ne;
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    (ne[0] !== 1 || [1, 2, 3].some((d) => ne[d] !== rows[d])) &&
      `the result is ${dimsText(ne)}; one element per row of ${dimsText(rows)} is expected`,
  );
}

function checkCumsum(node: OpShape): string | undefined {
  return firstOf(needDecodable(node, 0), needFloatResult(node), needExtents(node, 0, node.dst.ne));
}

function checkArgmax(node: OpShape): string | undefined {
  const { type, ne } = node.dst;
  const [, rows = 0, ...planes] = node.src[0]?.ne ?? [];
  return firstOf(
    needDecodable(node, 0),
    type !== 'I32' && `the result is ${type}; I32 is expected`,
    planes.some((n) => n !== 1) && `source 0 has planes [${planes.join(', ')}]; a matrix is expected`,
    !sameExtents(ne, [rows, 1, 1, 1]) &&
      `the result is ${dimsText(ne)}; one index for each of ${rows} rows is expected`,
  );
}

/** Visits every row, empty ones too. */
function forEachValues(
  source: RowSource,
  visit: (row: Float32Array, i1: number, i2: number, i3: number) => void,
): void {
  const [n, n1, n2, n3] = source.ne;
  const row = new Float32Array(n);
  forEachRow([1, n1, n2, n3], (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    visit(row, i1, i2, i3);
  });
}

/** Rounding after each addition: ggml sums F32 in f64, the 16-bit types in f32. */
function roundingOfSums(call: OpCall): Rounding {
  return intermediateRounding(sourceOf(call, 0).type === 'F32' ? 'exact' : call.arithmetic);
}

function sumOf(values: Float32Array, r: Rounding): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total = r(total + (values[i] as number));
  return total;
}

function sum(call: OpCall): void {
  const r = roundingOfSums(call);
  let total = 0;
  forEachValues(sourceOf(call, 0), (row) => {
    total = r(total + sumOf(row, r));
  });
  call.dst.writeRow(0, 0, 0, Float32Array.of(total), 0);
}

function sumRows(call: OpCall): void {
  const r = roundingOfSums(call);
  forEachValues(sourceOf(call, 0), (row, i1, i2, i3) => {
    call.dst.writeRow(i1, i2, i3, Float32Array.of(sumOf(row, r)), 0);
  });
}

function mean(call: OpCall): void {
  const r = intermediateRounding(call.arithmetic);
  const sums = roundingOfSums(call);
  forEachValues(sourceOf(call, 0), (row, i1, i2, i3) => {
    call.dst.writeRow(i1, i2, i3, Float32Array.of(r(sumOf(row, sums)) / row.length), 0);
  });
}

function cumsum(call: OpCall): void {
  const r = intermediateRounding(call.arithmetic);
  forEachValues(sourceOf(call, 0), (row, i1, i2, i3) => {
    let total = 0;
    for (let i = 0; i < row.length; i++) {
      total = r(total + (row[i] as number));
      row[i] = total;
    }
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}

/**
 * As `ggml_vec_argmax_f32`, also where NaNs stand: what comes after a NaN is the greatest so far, so that the last run
 * of numbers decides. 0 where there is none.
 */
function argmax(call: OpCall): void {
  forEachValues(sourceOf(call, 0), (row, i1) => {
    let greatest = -Infinity;
    let at = 0;
    for (let i = 0; i < row.length; i++) {
      const v = row[i] as number;
      if (!(greatest > v)) greatest = v;
      if (v === greatest) at = i;
    }
    call.dst.writeIndex(i1, 0, 0, 0, at);
  });
}
