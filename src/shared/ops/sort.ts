/**
 * Indices of a row's elements by value: ARGSORT, TOP_K. The order of equal values is open in ggml: here they stand in the
 * order of their indices, in `ggml` arithmetic the other way round, so that the spread between the two shows what hangs
 * on it further down. The place of NaNs is open too; here they are last. Source: `ggml_compute_forward_argsort_f32`,
 * `ggml_compute_forward_top_k_f32` in ggml-cpu/ops.cpp.
 */
import type { Dims } from '../graph/graph';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, forEachRow, intParam, needDecodable, needExtents, sourceOf } from './op';
import { dimsText, sameExtents } from './tensor-shape';

export const ASCENDING = 0;
export const DESCENDING = 1;

/** dst[i] = index of the element that is i-th in order; op_params[0]: ascending (0) or descending (1). */
export const ARGSORT_OP: InlineOp = { how: 'inline', check: checkArgsort, compute: argsort };

/** dst = indices of the ne[0] greatest. Their order is open; as ggml's here: descending, but the second first. */
export const TOP_K_OP: InlineOp = { how: 'inline', check: checkTopK, compute: topK };

function checkArgsort(node: OpShape): string | undefined {
  const order = intParam(node.opParams, 0);
  return firstOf(
    needDecodable(node, 0),
    needIndexResult(node),
    needExtents(node, 0, node.dst.ne),
    order !== ASCENDING && order !== DESCENDING && `order ${order}`,
  );
}

function checkTopK(node: OpShape): string | undefined {
  const { dst, src } = node;
  const [k, n1, n2, n3] = dst.ne;
  const ne = src[0]?.ne ?? dst.ne;
  return firstOf(
    needDecodable(node, 0),
    needIndexResult(node),
    k > ne[0] && `${k} of ${ne[0]} elements`,
    !sameExtents(ne, [ne[0], n1, n2, n3]) && `rows of ${dimsText(ne)} for ${dimsText(dst.ne)}`,
  );
}

function needIndexResult({ dst }: OpShape): string | undefined {
  return dst.type === 'I32' ? undefined : `the result is ${dst.type}; I32 is expected`;
}

function argsort(call: OpCall): void {
  const sign = intParam(call.opParams, 0) === DESCENDING ? -1 : 1;
  forEachSorted(call, call.dst.ne, sign, (order, i1, i2, i3) => {
    order.forEach((index, i) => call.dst.writeIndex(i, i1, i2, i3, index));
  });
}

function topK(call: OpCall): void {
  const k = call.dst.ne[0];
  forEachSorted(call, call.dst.ne, -1, (order, i1, i2, i3) => {
    const place = (i: number): number => (k > 1 && i < 2 ? 1 - i : i);
    for (let i = 0; i < k; i++) call.dst.writeIndex(place(i), i1, i2, i3, order[i] as number);
  });
}

/** @param sign 1 ascending, −1 descending */
function forEachSorted(
  call: OpCall,
  rows: Dims,
  sign: number,
  visit: (order: Uint32Array, i1: number, i2: number, i3: number) => void,
): void {
  const source = sourceOf(call, 0);
  const row = new Float32Array(source.ne[0]);
  const order = new Uint32Array(row.length);
  const ties = call.arithmetic === 'ggml' ? -1 : 1;
  forEachRow(rows, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    order.forEach((_, i) => (order[i] = i));
    order.sort((a, b) => compare(row[a] as number, row[b] as number, sign) || ties * (a - b));
    visit(order, i1, i2, i3);
  });
}

function compare(a: number, b: number, sign: number): number {
  if (a < b) return -sign;
  if (a > b) return sign;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}
