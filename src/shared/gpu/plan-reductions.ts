import { elementCount } from '../graph/graph';
import type { InlineOp } from '../ops/op';
import { ARGMAX_OP, CUMSUM_OP, MEAN_OP, SUM_OP, SUM_ROWS_OP } from '../ops/reductions';
import type { Plan } from './kernel-call';
import { perWorkgroup } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { shapeOf, sourceRefusal, typeConstants } from './plan-parts';
import type { OpShader, StoredType } from './shader-variant';

export function planSum(request: PlanRequest): Plan {
  const count = request.src[0] ? elementCount(request.src[0].ne) : 0;
  return planPerWorkgroup('sum', SUM_OP, request, 1, { count, divisor: 1 });
}

export function planSumRows(request: PlanRequest): Plan {
  const count = request.src[0]?.ne[0] ?? 0;
  return planPerWorkgroup('sum', SUM_ROWS_OP, request, elementCount(request.dst.ne), { count, divisor: 1 });
}

export function planMean(request: PlanRequest): Plan {
  const count = request.src[0]?.ne[0] ?? 0;
  return planPerWorkgroup('sum', MEAN_OP, request, elementCount(request.dst.ne), { count, divisor: count });
}

export function planCumsum(request: PlanRequest): Plan {
  const [, n1, n2, n3] = request.dst.ne;
  return planPerWorkgroup('cumsum', CUMSUM_OP, request, n1 * n2 * n3, {});
}

export function planArgmax(request: PlanRequest): Plan {
  return planPerWorkgroup('argmax', ARGMAX_OP, request, request.dst.ne[0], {});
}

function planPerWorkgroup(
  op: OpShader,
  { check }: InlineOp,
  request: PlanRequest,
  workgroups: number,
  values: Record<string, number>,
): Plan {
  const { dst, src } = request;
  const [src0] = src;
  const why = check(shapeOf(request)) ?? sourceRefusal(src0);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  return {
    variant: { op, dst: dst.type as StoredType, constants: typeConstants(src0) },
    dst,
    sources: [src0],
    values,
    byRows: false,
    workgroups: () => perWorkgroup(workgroups),
  };
}
