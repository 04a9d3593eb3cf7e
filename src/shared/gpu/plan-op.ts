import type { OpKind } from '../graph/ggml-op';
import { GGML_GLU_OPS, GGML_UNARY_OPS } from '../graph/ggml-op';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, tensorOf } from '../graph/graph';
import {
  planAcc,
  planConcat,
  planDiagonals,
  planPad,
  planPadReflect,
  planRepeat,
  planRoll,
  planSet,
  planUpscale,
} from './plan-arrange';
import { planConvTranspose1d, planIm2col, planPool1d } from './plan-convolution';
import { planAddId, planCopy, planGetRows, planSetRows } from './plan-copies';
import { planBinary, planClamp, planLeakyRelu, planMath, planScale, planSinCos, planUnary } from './plan-elementwise';
import { planGlu } from './plan-glu';
import { planGroupNorm, planL2Norm, planNorm, planRmsNorm } from './plan-norm';
import { planArgmax, planCumsum, planMean, planSum, planSumRows } from './plan-reductions';
import { planRope } from './plan-rope';
import { planFlashAttention } from './plan-flash-attention';
import { planHcComb, planHcPost, planHcPre } from './plan-hyper-connections';
import { planLightningIndexer } from './plan-indexer';
import { planSoftMax } from './plan-soft-max';
import { planGatedDeltaNet, planGatedLinearAttn, planRwkvWkv6, planRwkvWkv7 } from './plan-linear-attention';
import { planArgsort, planTopK } from './plan-sort';
import { planSsmConv, planSsmScan } from './plan-ssm';
import { planSolveTri } from './plan-triangular';
import { planArange, planFill, planTimestepEmbedding } from './plan-generate';
import { planMulMat, planMulMatId, planOutProd } from './plan-mul-mat';
import type { Operand, Plan } from './kernel-call';
import { operandOf } from './kernel-call';

/** A node to plan, its operands resolved to their owners' memory. */
export interface PlanRequest {
  readonly node: GraphTensor;
  readonly dst: Operand;
  /** Sources by ggml's slot. */
  readonly src: readonly (Operand | undefined)[];
  /** Contents of a contiguous input or weight, as the CPU knows them; undefined for computed tensors. */
  readonly contents: (slot: number) => Uint8Array<ArrayBuffer> | undefined;
}

type Planner = (request: PlanRequest) => Plan;

const PLANNERS: Partial<Record<OpKind, Planner>> = {
  ADD: (r) => planBinary(r, 'ADD'),
  ADD1: (r) => planBinary(r, 'ADD1'),
  SUB: (r) => planBinary(r, 'SUB'),
  MUL: (r) => planBinary(r, 'MUL'),
  DIV: (r) => planBinary(r, 'DIV'),
  SQR: (r) => planMath(r, 'SQR'),
  SQRT: (r) => planMath(r, 'SQRT'),
  LOG: (r) => planMath(r, 'LOG'),
  SIN: (r) => planSinCos(r, 'SIN'),
  COS: (r) => planSinCos(r, 'COS'),
  CLAMP: planClamp,
  LEAKY_RELU: planLeakyRelu,
  SUM: planSum,
  SUM_ROWS: planSumRows,
  MEAN: planMean,
  CUMSUM: planCumsum,
  ARGMAX: planArgmax,
  CONT: planCopy,
  CPY: planCopy,
  DUP: planCopy,
  GET_ROWS: planGetRows,
  SET_ROWS: planSetRows,
  ADD_ID: planAddId,
  REPEAT: planRepeat,
  ROLL: planRoll,
  PAD: planPad,
  PAD_REFLECT_1D: planPadReflect,
  UPSCALE: planUpscale,
  CONCAT: planConcat,
  SET: planSet,
  ACC: planAcc,
  DIAG: planDiagonals,
  DIAG_MASK_INF: planDiagonals,
  DIAG_MASK_ZERO: planDiagonals,
  TRI: planDiagonals,
  ARANGE: planArange,
  FILL: planFill,
  TIMESTEP_EMBEDDING: planTimestepEmbedding,
  ARGSORT: planArgsort,
  TOP_K: planTopK,
  MUL_MAT: planMulMat,
  MUL_MAT_ID: planMulMatId,
  OUT_PROD: planOutProd,
  SCALE: planScale,
  NORM: planNorm,
  RMS_NORM: planRmsNorm,
  L2_NORM: planL2Norm,
  GROUP_NORM: planGroupNorm,
  ROPE: (r) => planRope(r, 1),
  ROPE_BACK: (r) => planRope(r, -1),
  SOFT_MAX: planSoftMax,
  FLASH_ATTN_EXT: planFlashAttention,
  LIGHTNING_INDEXER: planLightningIndexer,
  DSV4_HC_COMB: planHcComb,
  DSV4_HC_PRE: planHcPre,
  DSV4_HC_POST: planHcPost,
  IM2COL: planIm2col,
  CONV_TRANSPOSE_1D: planConvTranspose1d,
  POOL_1D: planPool1d,
  SSM_CONV: planSsmConv,
  SSM_SCAN: planSsmScan,
  GATED_LINEAR_ATTN: planGatedLinearAttn,
  GATED_DELTA_NET: planGatedDeltaNet,
  RWKV_WKV6: planRwkvWkv6,
  RWKV_WKV7: planRwkvWkv7,
  SOLVE_TRI: planSolveTri,
  ...Object.fromEntries(GGML_UNARY_OPS.map((kind) => [kind, (r: PlanRequest) => planUnary(r, kind)])),
  ...Object.fromEntries(GGML_GLU_OPS.map((kind) => [kind, (r: PlanRequest) => planGlu(r, kind)])),
};

/** Whether there is a kernel for this kind of op. */
export function hasKernel(kind: OpKind): boolean {
  return PLANNERS[kind] !== undefined;
}

/** The kernel that computes a node, or why there is none. Reads nothing but the graph and known inputs. */
export function planOp(graph: Graph, node: GraphTensor, contents: PlanRequest['contents']): Plan {
  const planner = PLANNERS[node.kind];
  if (!planner) return { unsupported: `not measured: ${node.kind}` };
  const src = node.src.map((id) => (id === undefined ? undefined : operandOf(graph, tensorOf(graph, id))));
  const plan = planner({ node, dst: operandOf(graph, node), src, contents });
  return 'unsupported' in plan ? { unsupported: `not measured: ${node.kind} (${plan.unsupported})` } : plan;
}

/** Whether there is nothing to compute. */
export function isEmptyNode(node: GraphTensor): boolean {
  return elementCount(node.ne) === 0;
}
