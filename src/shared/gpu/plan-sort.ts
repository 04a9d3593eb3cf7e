import { ARGSORT_OP, DESCENDING, TOP_K_OP } from '../ops/sort';
import type { InlineOp } from '../ops/op';
import { intParam } from '../ops/op';
import type { Plan } from './kernel-call';
import { perWorkgroup } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { refusal, shapeOf, typeConstants } from './plan-parts';
import type { OpShader } from './shader-variant';

export function planArgsort(request: PlanRequest): Plan {
  const descending = intParam(request.node.opParams, 0) === DESCENDING;
  return planSort('argsort', request, ARGSORT_OP, { DESCENDING: descending });
}

export function planTopK(request: PlanRequest): Plan {
  return planSort('top_k', request, TOP_K_OP, {});
}

function planSort(shader: OpShader, request: PlanRequest, op: InlineOp, constants: Record<string, boolean>): Plan {
  const { dst, src } = request;
  const [src0] = src;
  const why = op.check(shapeOf(request)) ?? refusal({ ...dst, type: 'F32' }, src0);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  const [, n1, n2, n3] = src0.ne;
  return {
    variant: { op: shader, constants: { ...typeConstants(src0), ...constants } },
    dst,
    sources: [src0],
    values: {},
    byRows: false,
    workgroups: () => perWorkgroup(n1 * n2 * n3),
  };
}
