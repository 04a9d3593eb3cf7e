import type { OpKind } from '../graph/ggml-op';
import { GGML_GLU_OPS, GGML_OPS, GGML_UNARY_OPS } from '../graph/ggml-op';
import { ACC_OP, CONCAT_OP, PAD_OP, PAD_REFLECT_1D_OP, REPEAT_OP, ROLL_OP, SET_OP, UPSCALE_OP } from './arrange';
import { CONV_TRANSPOSE_1D_OP, IM2COL_OP, POOL_1D_OP } from './convolution';
import { COPY_OP } from './copy';
import { DIAGONALS_OP } from './diagonals';
import {
  ADD_OP,
  ADD1_OP,
  CLAMP_OP,
  DIV_OP,
  LEAKY_RELU_OP,
  MATH_FUNCTIONS,
  MUL_OP,
  SCALE_OP,
  SUB_OP,
} from './elementwise';
import { ARANGE_OP, FILL_OP, TIMESTEP_EMBEDDING_OP } from './generate';
import { gluOp } from './glu';
import { MUL_MAT_ID_OP, MUL_MAT_OP } from './mat-mul';
import { GROUP_NORM_OP, L2_NORM_OP, NORM_OP, RMS_NORM_OP } from './norm';
import { GATED_DELTA_NET_OP, GATED_LINEAR_ATTN_OP, RWKV_WKV6_OP, RWKV_WKV7_OP } from './linear-attention';
import type { Op, OpShape } from './op';
import { pointwiseOp } from './pointwise';
import { ARGMAX_OP, CUMSUM_OP, MEAN_OP, SUM_OP, SUM_ROWS_OP } from './reductions';
import { OUT_PROD_OP } from './out-prod';
import { ROPE_BACK_OP, ROPE_OP } from './rope';
import { ADD_ID_OP, GET_ROWS_OP, SET_ROWS_OP } from './rows';
import { FLASH_ATTN_EXT_OP } from './flash-attention';
import { DSV4_HC_COMB_OP, DSV4_HC_POST_OP, DSV4_HC_PRE_OP } from './hyper-connections';
import { LIGHTNING_INDEXER_OP } from './indexer';
import { SOFT_MAX_OP } from './soft-max';
import { ARGSORT_OP, TOP_K_OP } from './sort';
import { SSM_CONV_OP, SSM_SCAN_OP } from './ssm';
import { SOLVE_TRI_OP } from './triangular';
import { UNARY_FUNCTIONS } from './unary';
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
  ADD_ID: ADD_ID_OP,
  REPEAT: REPEAT_OP,
  CONCAT: CONCAT_OP,
  PAD: PAD_OP,
  PAD_REFLECT_1D: PAD_REFLECT_1D_OP,
  ROLL: ROLL_OP,
  UPSCALE: UPSCALE_OP,
  SET: SET_OP,
  ACC: ACC_OP,
  DIAG: DIAGONALS_OP,
  DIAG_MASK_INF: DIAGONALS_OP,
  DIAG_MASK_ZERO: DIAGONALS_OP,
  TRI: DIAGONALS_OP,
  IM2COL: IM2COL_OP,
  CONV_TRANSPOSE_1D: CONV_TRANSPOSE_1D_OP,
  POOL_1D: POOL_1D_OP,
  SSM_CONV: SSM_CONV_OP,
  SSM_SCAN: SSM_SCAN_OP,
  GATED_LINEAR_ATTN: GATED_LINEAR_ATTN_OP,
  GATED_DELTA_NET: GATED_DELTA_NET_OP,
  RWKV_WKV6: RWKV_WKV6_OP,
  RWKV_WKV7: RWKV_WKV7_OP,
  SOLVE_TRI: SOLVE_TRI_OP,
  ARANGE: ARANGE_OP,
  FILL: FILL_OP,
  TIMESTEP_EMBEDDING: TIMESTEP_EMBEDDING_OP,
  ARGSORT: ARGSORT_OP,
  TOP_K: TOP_K_OP,
  MUL_MAT: MUL_MAT_OP,
  MUL_MAT_ID: MUL_MAT_ID_OP,
  OUT_PROD: OUT_PROD_OP,
  ADD: ADD_OP,
  ADD1: ADD1_OP,
  SUB: SUB_OP,
  MUL: MUL_OP,
  DIV: DIV_OP,
  SCALE: SCALE_OP,
  CLAMP: CLAMP_OP,
  LEAKY_RELU: LEAKY_RELU_OP,
  SUM: SUM_OP,
  SUM_ROWS: SUM_ROWS_OP,
  MEAN: MEAN_OP,
  CUMSUM: CUMSUM_OP,
  ARGMAX: ARGMAX_OP,
  NORM: NORM_OP,
  RMS_NORM: RMS_NORM_OP,
  L2_NORM: L2_NORM_OP,
  GROUP_NORM: GROUP_NORM_OP,
  ROPE: ROPE_OP,
  ROPE_BACK: ROPE_BACK_OP,
  SOFT_MAX: SOFT_MAX_OP,
  FLASH_ATTN_EXT: FLASH_ATTN_EXT_OP,
  LIGHTNING_INDEXER: LIGHTNING_INDEXER_OP,
  DSV4_HC_COMB: DSV4_HC_COMB_OP,
  DSV4_HC_PRE: DSV4_HC_PRE_OP,
  DSV4_HC_POST: DSV4_HC_POST_OP,
  ...Object.fromEntries(Object.entries(MATH_FUNCTIONS).map(([kind, f]) => [kind, pointwiseOp(f)])),
  ...Object.fromEntries(GGML_UNARY_OPS.map((kind) => [kind, pointwiseOp(UNARY_FUNCTIONS[kind])])),
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
