/**
 * Rows picked, placed and added by index. Source: `ggml_get_rows`, `ggml_set_rows`, `ggml_add_id` in ggml.c and
 * `ggml_compute_forward_get_rows*`, `ggml_compute_forward_set_rows_impl`, `ggml_compute_forward_add_id_f32` in
 * ggml-cpu/ops.cpp.
 */
import { QuarrelError } from '../base/errors';
import { needMovable } from './elements';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, forEachRow, needDecodable, needExtents, needFloatResult, needIndices, sourceOf } from './op';
import { dimsText, isIndex } from './tensor-shape';

/** dst[:, i10, i11, i12] = src0[:, src1[i10, i11, i12], i11, i12]; F32, or I32 from an I32 table. */
export const GET_ROWS_OP: InlineOp = { how: 'inline', check: checkGetRows, compute: getRows };

/** dst[:, src1[i, i11, i12], i02, i03] = src0[:, i, i02, i03]; src1 repeats over dimensions 2 and 3 of src0. */
export const SET_ROWS_OP: InlineOp = { how: 'inline', check: checkSetRows, compute: setRows };

/** dst[:, i1, i2, i3] = src0[:, i1, i2, i3] + src1[:, src2[i1, i2]]: the biases of the experts chosen. */
export const ADD_ID_OP: InlineOp = { how: 'inline', check: checkAddId, compute: addId };

function checkGetRows(node: OpShape): string | undefined {
  const [table, indices] = node.src;
  if (!table || !indices) return `source ${table ? 1 : 0} is missing`;
  return firstOf(
    needMovable(node, 0),
    needIndices(node, 1),
    needExtents({ ...node, src: [node.dst] }, 0, [table.ne[0], indices.ne[0], indices.ne[1], indices.ne[2]]),
    (table.ne[2] !== indices.ne[1] || table.ne[3] !== indices.ne[2] || indices.ne[3] !== 1) &&
      `indices [${indices.ne.join(', ')}] do not fit a table of [${table.ne.join(', ')}]`,
  );
}

function getRows(call: OpCall): void {
  const table = sourceOf(call, 0);
  const indices = sourceOf(call, 1);
  const row = new Float32Array(table.ne[0]);
  const exact = isIndex(table.type);
  forEachRow(call.dst.ne, (i10, i11, i12) => {
    const from = rowIndex(call, indices.readIndex(i10, i11, i12, 0), table.ne[1]);
    if (exact) {
      for (let i = 0; i < row.length; i++) call.dst.writeIndex(i, i10, i11, i12, table.readIndex(i, from, i11, i12));
    } else {
      table.readRow(from, i11, i12, row, 0);
      call.dst.writeRow(i10, i11, i12, row, 0);
    }
  });
}

function checkSetRows(node: OpShape): string | undefined {
  const [rows, indices] = node.src;
  if (!rows || !indices) return `source ${rows ? 1 : 0} is missing`;
  const { dst } = node;
  const repeats = rows.ne[2] % indices.ne[1] === 0 && rows.ne[3] % indices.ne[2] === 0 && indices.ne[3] === 1;
  return firstOf(
    needDecodable(node, 0),
    needIndices(node, 1),
    needFloatResult(node),
    (dst.ne[0] !== rows.ne[0] || dst.ne[2] !== rows.ne[2] || dst.ne[3] !== rows.ne[3]) &&
      `rows [${rows.ne.join(', ')}] do not fit into [${dst.ne.join(', ')}]`,
    (indices.ne[0] !== rows.ne[1] || !repeats) &&
      `indices [${indices.ne.join(', ')}] do not fit rows [${rows.ne.join(', ')}]`,
  );
}

function setRows(call: OpCall): void {
  const rows = sourceOf(call, 0);
  const indices = sourceOf(call, 1);
  const row = new Float32Array(rows.ne[0]);
  forEachRow(rows.ne, (i, i02, i03) => {
    const to = rowIndex(call, indices.readIndex(i, i02 % indices.ne[1], i03 % indices.ne[2], 0), call.dst.ne[1]);
    rows.readRow(i, i02, i03, row, 0);
    call.dst.writeRow(to, i02, i03, row, 0);
  });
}

function checkAddId(node: OpShape): string | undefined {
  const { dst, src } = node;
  const [, biases, ids] = src;
  if (!biases || !ids) return `source ${biases ? 2 : 1} is missing`;
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needIndices(node, 2),
    needFloatResult(node),
    needExtents(node, 0, dst.ne),
    biases.ne[0] !== dst.ne[0] && `biases ${dimsText(biases.ne)} for rows of ${dst.ne[0]}`,
    (ids.ne[0] !== dst.ne[1] || ids.ne[1] !== dst.ne[2]) && `ids ${dimsText(ids.ne)} do not fit ${dimsText(dst.ne)}`,
  );
}

/** One sum per element, rounded once: both arithmetics agree to the bit. */
function addId(call: OpCall): void {
  const [a, biases, ids] = [sourceOf(call, 0), sourceOf(call, 1), sourceOf(call, 2)];
  const row = new Float32Array(call.dst.ne[0]);
  const bias = new Float32Array(row.length);
  forEachRow(call.dst.ne, (i1, i2, i3) => {
    a.readRow(i1, i2, i3, row, 0);
    biases.readRow(rowIndex(call, ids.readIndex(i1, i2, 0, 0), biases.ne[1]), 0, 0, bias, 0);
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) + (bias[i] as number);
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}

/** An index out of range comes from the trace's inputs, not from this code. */
function rowIndex(call: OpCall, index: number, rows: number): number {
  if (index >= 0 && index < rows) return index;
  throw new QuarrelError(`${call.kind}: row index ${index} of a tensor with ${rows} rows`);
}
