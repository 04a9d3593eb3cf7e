import type { OpKind } from '../graph/ggml-op';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, tensorOf } from '../graph/graph';
import { planCopy, planGetRows, planSetRows } from './plan-copies';
import { planBinary, planGlu, planRmsNorm, planRope, planScale, planSoftMax, planUnary } from './plan-elementwise';
import { planMulMat } from './plan-mul-mat';
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
  ADD: (r) => planBinary(r, 0),
  MUL: (r) => planBinary(r, 1),
  CONT: planCopy,
  CPY: planCopy,
  DUP: planCopy,
  GET_ROWS: planGetRows,
  SET_ROWS: planSetRows,
  MUL_MAT: planMulMat,
  SCALE: planScale,
  RMS_NORM: planRmsNorm,
  ROPE: planRope,
  SOFT_MAX: planSoftMax,
  SILU: (r) => planUnary(r, 0),
  GELU: (r) => planUnary(r, 1),
  RELU: (r) => planUnary(r, 2),
  SWIGLU: (r) => planGlu(r, 0),
  GEGLU: (r) => planGlu(r, 1),
  REGLU: (r) => planGlu(r, 2),
};

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
