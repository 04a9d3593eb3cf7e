import { elementCount } from '../graph/graph';
import { DSV4_HC_COMB_OP, DSV4_HC_POST_OP, DSV4_HC_PRE_OP } from '../ops/hyper-connections';
import type { InlineOp } from '../ops/op';
import type { Plan } from './kernel-call';
import { perElement } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { f32Params, refusal, shapeOf, typeConstants } from './plan-parts';
import type { OpShader } from './shader-variant';

export function planHcComb(request: PlanRequest): Plan {
  const [epsilon = 0] = f32Params(request.node.opParams);
  const iterations = request.node.opParams[1] ?? 0;
  return planHc(request, DSV4_HC_COMB_OP, 'dsv4_hc_comb', request.dst.ne[2], { epsilon, iterations });
}

export function planHcPre(request: PlanRequest): Plan {
  return planHc(request, DSV4_HC_PRE_OP, 'dsv4_hc_pre', elementCount(request.dst.ne), {});
}

export function planHcPost(request: PlanRequest): Plan {
  return planHc(request, DSV4_HC_POST_OP, 'dsv4_hc_post', elementCount(request.dst.ne), {});
}

function planHc(
  request: PlanRequest,
  { check }: InlineOp,
  op: OpShader,
  invocations: number,
  values: Record<string, number>,
): Plan {
  const { dst, src } = request;
  const sources = src.filter((source) => source !== undefined);
  const why = check(shapeOf(request)) ?? refusal(dst, ...sources);
  if (why !== undefined) return { unsupported: why };
  return {
    variant: { op, constants: typeConstants(...sources) },
    dst,
    sources,
    values,
    byRows: false,
    workgroups: () => perElement(invocations),
  };
}
