import { GATED_DELTA_NET_OP, GATED_LINEAR_ATTN_OP, RWKV_WKV6_OP, RWKV_WKV7_OP } from '../ops/linear-attention';
import type { InlineOp } from '../ops/op';
import { intParam } from '../ops/op';
import type { Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { f32Params, shapeOf, typeConstants } from './plan-parts';
import type { PlanRequest } from './plan-op';
import { recurrentRefusal } from './plan-ssm';
import type { OpShader } from './shader-variant';

/**
 * The ops whose sequences lie one after another in the dimension of tokens: the last source holds the states, and its
 * dimension 1 counts the sequences.
 */
function planJoined(
  shader: OpShader,
  op: InlineOp,
  count: number,
  request: PlanRequest,
  values: Record<string, number> = {},
): Plan {
  const { dst, src } = request;
  const sources = src.slice(0, count);
  const why = recurrentRefusal(dst, sources) ?? op.check(shapeOf(request));
  const [first, state] = [sources[0], sources[count - 1]];
  if (why !== undefined || !first || !state) return { unsupported: why ?? '' };
  const [channels, heads] = first.ne;
  const sequences = state.ne[1];
  return {
    variant: { op: shader, constants: typeConstants(...sources) },
    dst,
    sources,
    values: { channels, heads, sequences, ...values },
    byRows: false,
    workgroups: () => perElement(channels * heads * sequences),
  };
}

export function planGatedLinearAttn(request: PlanRequest): Plan {
  return planJoined('gated_linear_attn', GATED_LINEAR_ATTN_OP, 5, request, {
    scale: f32Params(request.node.opParams)[0] ?? 0,
  });
}

export function planRwkvWkv6(request: PlanRequest): Plan {
  return planJoined('rwkv_wkv6', RWKV_WKV6_OP, 6, request);
}

export function planRwkvWkv7(request: PlanRequest): Plan {
  return planJoined('rwkv_wkv7', RWKV_WKV7_OP, 7, request);
}

export function planGatedDeltaNet(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const sources = src.slice(0, 6);
  const why = recurrentRefusal(dst, sources) ?? GATED_DELTA_NET_OP.check(shapeOf(request));
  const v = src[2];
  if (why !== undefined || !v) return { unsupported: why ?? '' };
  const [channels, heads, , sequences] = v.ne;
  return {
    variant: { op: 'gated_delta_net', constants: typeConstants(...sources) },
    dst,
    sources,
    values: { channels, heads, sequences, snapshots: intParam(node.opParams, 0), scale: 1 / Math.sqrt(channels) },
    byRows: false,
    workgroups: () => perElement(channels * heads * sequences),
  };
}
