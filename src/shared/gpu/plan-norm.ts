import type { Dims } from '../graph/graph';
import { GROUP_NORM_OP, L2_NORM_OP, NORM_OP, RMS_NORM_OP } from '../ops/norm';
import type { InlineOp } from '../ops/op';
import { intParam } from '../ops/op';
import type { Plan } from './kernel-call';
import { perWorkgroup } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { f32Params, refusal, shapeOf, typeConstants } from './plan-parts';
import type { OpShader } from './shader-variant';

export function planRmsNorm(request: PlanRequest): Plan {
  return planRows('rms_norm', RMS_NORM_OP, request);
}

export function planL2Norm(request: PlanRequest): Plan {
  return planRows('l2_norm', L2_NORM_OP, request);
}

function planRows(op: OpShader, { check }: InlineOp, request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const [src0] = src;
  const why = check(shapeOf(request)) ?? refusal(dst, src0);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  return {
    variant: { op, constants: typeConstants(src0) },
    dst,
    sources: [src0],
    values: { epsilon: f32Params(node.opParams)[0] ?? 0 },
    byRows: false,
    workgroups: () => perWorkgroup(dst.ne[1] * dst.ne[2] * dst.ne[3]),
  };
}

/** NORM: every row is a group. */
export function planNorm(request: PlanRequest): Plan {
  return planGroups(NORM_OP, request, 1, 1, 0);
}

/** GROUP_NORM: groups of ⌈channels / groups⌉ planes. */
export function planGroupNorm(request: PlanRequest): Plan {
  const [, rows, channels] = request.dst.ne;
  const groups = intParam(request.node.opParams, 0);
  return planGroups(GROUP_NORM_OP, request, rows, Math.ceil(channels / groups), 1);
}

/** @param epsilonAt index of eps in op_params */
function planGroups({ check }: InlineOp, request: PlanRequest, rows: number, planes: number, epsilonAt: number): Plan {
  const { node, dst, src } = request;
  const [src0] = src;
  const why = check(shapeOf(request)) ?? refusal(dst, src0);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  const [, n1, n2, n3]: Dims = dst.ne;
  return {
    variant: { op: 'norm', constants: typeConstants(src0) },
    dst,
    sources: [src0],
    values: { rows, planes, epsilon: f32Params(node.opParams)[epsilonAt] ?? 0 },
    byRows: false,
    workgroups: () => perWorkgroup((n1 / rows) * Math.ceil(n2 / planes) * n3),
  };
}
