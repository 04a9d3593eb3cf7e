/**
 * Rows picked and placed by index. Source: `ggml_get_rows`, `ggml_set_rows` in ggml.c and
 * `ggml_compute_forward_get_rows*`, `ggml_compute_forward_set_rows_impl` in ggml-cpu/ops.cpp.
 */
import { QuarrelError } from '../base/errors';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, forEachRow, needDecodable, needExtents, needFloatResult, needIndices, sourceOf } from './op';

/** dst[:, i10, i11, i12] = src0[:, src1[i10, i11, i12], i11, i12] */
export const GET_ROWS_OP: InlineOp = { how: 'inline', check: checkGetRows, compute: getRows };

/** dst[:, src1[i, i11, i12], i02, i03] = src0[:, i, i02, i03]; src1 repeats over dimensions 2 and 3 of src0. */
export const SET_ROWS_OP: InlineOp = { how: 'inline', check: checkSetRows, compute: setRows };

function checkGetRows(node: OpShape): string | undefined {
  const [table, indices] = node.src;
  if (!table || !indices) return `source ${table ? 1 : 0} is missing`;
  return firstOf(
    needDecodable(node, 0),
    needIndices(node, 1),
    needFloatResult(node),
    needExtents({ ...node, src: [node.dst] }, 0, [table.ne[0], indices.ne[0], indices.ne[1], indices.ne[2]]),
    (table.ne[2] !== indices.ne[1] || table.ne[3] !== indices.ne[2] || indices.ne[3] !== 1) &&
      `indices [${indices.ne.join(', ')}] do not fit a table of [${table.ne.join(', ')}]`,
  );
}

function getRows(call: OpCall): void {
  const table = sourceOf(call, 0);
  const indices = sourceOf(call, 1);
  const row = new Float32Array(table.ne[0]);
  forEachRow(call.dst.ne, (i10, i11, i12) => {
    table.readRow(rowIndex(call, indices.readIndex(i10, i11, i12, 0), table.ne[1]), i11, i12, row, 0);
    call.dst.writeRow(i10, i11, i12, row, 0);
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

/** An index out of range comes from the trace's inputs, not from this code. */
function rowIndex(call: OpCall, index: number, rows: number): number {
  if (index >= 0 && index < rows) return index;
  throw new QuarrelError(`${call.kind}: row index ${index} of a tensor with ${rows} rows`);
}
