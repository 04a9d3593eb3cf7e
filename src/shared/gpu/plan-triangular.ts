import { SOLVE_TRI_OP } from '../ops/triangular';
import type { Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { refusal, shapeOf, typeConstants } from './plan-parts';
import type { PlanRequest } from './plan-op';

export function planSolveTri(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [src0, src1] = src;
  const why = refusal(dst, src0, src1) ?? SOLVE_TRI_OP.check(shapeOf(request));
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  return {
    variant: { op: 'solve_tri', constants: typeConstants(src0, src1) },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: false,
    workgroups: () => perElement(dst.ne[0] * dst.ne[2] * dst.ne[3]),
  };
}
