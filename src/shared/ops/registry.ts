import type { OpKind } from '../graph/ggml-op';
import { GGML_GLU_OPS, GGML_OPS, GGML_UNARY_OPS } from '../graph/ggml-op';
import { COPY_OP } from './copy';
import { ADD_OP, DIV_OP, MUL_OP, SCALE_OP, SUB_OP } from './elementwise';
import { gluOp } from './glu';
import { MUL_MAT_OP } from './mat-mul';
import { NORM_OP, RMS_NORM_OP } from './norm';
import type { Op, OpShape } from './op';
import { ROPE_OP } from './rope';
import { GET_ROWS_OP, SET_ROWS_OP } from './rows';
import { SOFT_MAX_OP } from './soft-max';
import { unaryOp } from './unary';
import { REARRANGING_VIEW_OP, VIEW_OP } from './views';

const SUPPORTED: Partial<Record<OpKind, Op>> = {
  NONE: VIEW_OP,
  VIEW: VIEW_OP,
  RESHAPE: REARRANGING_VIEW_OP,
  PERMUTE: REARRANGING_VIEW_OP,
  TRANSPOSE: REARRANGING_VIEW_OP,
  CONT: COPY_OP,
  CPY: COPY_OP,
  DUP: COPY_OP,
  GET_ROWS: GET_ROWS_OP,
  SET_ROWS: SET_ROWS_OP,
  MUL_MAT: MUL_MAT_OP,
  ADD: ADD_OP,
  SUB: SUB_OP,
  MUL: MUL_OP,
  DIV: DIV_OP,
  SCALE: SCALE_OP,
  NORM: NORM_OP,
  RMS_NORM: RMS_NORM_OP,
  ROPE: ROPE_OP,
  SOFT_MAX: SOFT_MAX_OP,
  ...Object.fromEntries(GGML_UNARY_OPS.map((kind) => [kind, unaryOp(kind)])),
  ...Object.fromEntries(GGML_GLU_OPS.map((kind) => [kind, gluOp(kind)])),
};

function allKinds(): readonly OpKind[] {
  const plain = GGML_OPS.filter((op) => op !== 'UNARY' && op !== 'GLU');
  return [...plain, ...GGML_UNARY_OPS, ...GGML_GLU_OPS];
}

/** Every op kind of llama.cpp v0.4.0; those without a reference say so. */
export const OPS = Object.fromEntries(
  allKinds().map((kind) => [kind, SUPPORTED[kind] ?? { how: 'unsupported', reason: `not measured: ${kind}` }]),
) as Readonly<Record<OpKind, Op>>;

/** Why the reference cannot compute this node ("not measured: …"), or undefined when it can. */
export function whyNotMeasured(node: OpShape): string | undefined {
  const op = OPS[node.kind];
  if (op.how === 'unsupported') return op.reason;
  const complaint = op.check(node);
  return complaint === undefined ? undefined : `not measured: ${node.kind} (${complaint})`;
}
