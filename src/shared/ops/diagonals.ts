/**
 * Matrices of which some diagonals are kept: DIAG, DIAG_MASK_INF, DIAG_MASK_ZERO and TRI. Nothing is rounded. Source:
 * `ggml_compute_forward_diag_f32`, `ggml_compute_forward_diag_mask_f32`, `ggml_compute_forward_tri_f32` in
 * ggml-cpu/ops.cpp.
 */
import type { Dims } from '../graph/graph';
import { assert } from '../base/assert';
import { needMovable } from './elements';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, forEachRow, intParam, needExtents, needFloatResult, sourceOf } from './op';

/** The diagonals i0 − i1 that are kept, from the first to the last, and what stands elsewhere. */
export interface Band {
  readonly first: number;
  readonly last: number;
  readonly other: number;
}

/** No matrix has as many diagonals. */
const END = 2 ** 31 - 1;

/** `enum ggml_tri_type` in its order: upper with the diagonal, upper, lower with the diagonal, lower. */
const TRIANGLES: readonly Band[] = [
  { first: 0, last: END, other: 0 },
  { first: 1, last: END, other: 0 },
  { first: -END, last: 0, other: 0 },
  { first: -END, last: -1, other: 0 },
];

/** dst[i0, i1, i2, i3] = src0[i0, i1 mod ne01, i2, i3] in the band; source 0 of DIAG has one row. */
export const DIAGONALS_OP: InlineOp = { how: 'inline', check, compute };

/** op_params[0]: columns in the past, which every row of DIAG_MASK_* keeps; TRI's triangle. */
export function bandOf({ kind, opParams }: Pick<OpShape, 'kind' | 'opParams'>): Band | undefined {
  if (kind === 'DIAG') return { first: 0, last: 0, other: 0 };
  const param = intParam(opParams, 0);
  if (kind === 'TRI') return TRIANGLES[param];
  return param < 0 ? undefined : { first: -END, last: param, other: kind === 'DIAG_MASK_INF' ? -Infinity : 0 };
}

function check(node: OpShape): string | undefined {
  const [n0, n1, n2, n3] = node.dst.ne;
  const source: Dims = [n0, node.kind === 'DIAG' ? 1 : n1, n2, n3];
  return firstOf(
    needMovable(node, 0),
    needFloatResult(node),
    needExtents(node, 0, source),
    node.kind === 'DIAG' && n0 !== n1 && `a diagonal of ${n0} in ${n1} rows`,
    !bandOf(node) && `op_params[0] is ${intParam(node.opParams, 0)}`,
  );
}

function compute(call: OpCall): void {
  const source = sourceOf(call, 0);
  const band = bandOf(call);
  assert(band, 'the shape rule knows the band');
  const row = new Float32Array(source.ne[0]);
  forEachRow(call.dst.ne, (i1, i2, i3) => {
    source.readRow(i1 % source.ne[1], i2, i3, row, 0);
    for (let i0 = 0; i0 < row.length; i0++) {
      const diagonal = i0 - i1;
      if (diagonal < band.first || diagonal > band.last) row[i0] = band.other;
    }
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}
