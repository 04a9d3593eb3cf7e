import type { Dims } from '../graph/graph';
import type { GluKind } from '../ops/glu';
import { checkGlu, gateFunction } from '../ops/glu';
import type { Operand, Plan } from './kernel-call';
import { activationOf, atSpecials } from './plan-elementwise';
import type { PlanRequest } from './plan-op';
import { elementwiseOf, f32Params, shapeOf } from './plan-parts';

/** Constant of lib/activations.wgsl: x σ(alpha x). */
const SWISH = 100;

/** Constants of lib/activations.wgsl: what the gate goes through. */
const GATES: Readonly<Record<GluKind, number>> = {
  REGLU: activationOf('RELU'),
  GEGLU: activationOf('GELU'),
  SWIGLU: activationOf('SILU'),
  SWIGLU_OAI: SWISH,
  GEGLU_ERF: activationOf('GELU_ERF'),
  GEGLU_QUICK: activationOf('GELU_QUICK'),
  SWIGLU_CLAMP: activationOf('SILU'),
};

/**
 * GLU. With one source its first half of each row is the gate and the second the other factor, or the reverse when
 * op_params[1] is set (`ggml_compute_forward_swiglu_f32`); with two, the gate is source 0.
 */
export function planGlu(request: PlanRequest, kind: GluKind): Plan {
  const { node, dst, src } = request;
  const why = checkGlu(shapeOf(request));
  if (why !== undefined || !src[0]) return { unsupported: why ?? '' };
  const [gate, other] = src[1] ? [src[0], src[1]] : halves(src[0], dst.ne, node.opParams[1] !== 0);
  const [, , alpha = 0, limit = 0] = f32Params(node.opParams);
  const limited = kind === 'SWIGLU_OAI' || kind === 'SWIGLU_CLAMP';
  if (kind === 'SWIGLU_OAI' && !Number.isFinite(alpha)) return { unsupported: `an alpha of ${alpha}` };
  return elementwiseOf(
    'glu',
    dst,
    [gate, other],
    { ACTIVATION: GATES[kind], LIMITED: limited },
    {
      ...atSpecials(gateFunction(kind, node.opParams, 'exact')),
      alpha,
      limit,
      offset: kind === 'SWIGLU_OAI' ? 1 : 0,
    },
  );
}

function halves(source: Operand, ne: Dims, swapped: boolean): readonly [Operand, Operand] {
  const first = { ...source, ne };
  const second = { ...first, offset: source.offset + ne[0] * source.nb[0] };
  return swapped ? [second, first] : [first, second];
}
