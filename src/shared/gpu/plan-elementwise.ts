import { f32Bits } from '../base/float-bits';
import { GGML_UNARY_OPS } from '../graph/ggml-op';
import { ADD1_OP, ADD_OP } from '../ops/elementwise';
import { checkPointwise } from '../ops/pointwise';
import type { UnaryKind } from '../ops/unary';
import { UNARY_FUNCTIONS } from '../ops/unary';
import type { Plan } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { elementwiseOf, f32Params, shapeOf } from './plan-parts';
import type { OpShader } from './shader-variant';

/** A function of every element of source 0. */
function pointwise(
  op: OpShader,
  request: PlanRequest,
  constants: Record<string, number | boolean>,
  values: Record<string, number>,
): Plan {
  const [src0] = request.src;
  const why = checkPointwise(shapeOf(request));
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  return elementwiseOf(op, request.dst, [src0], constants, values);
}

export function planScale(request: PlanRequest): Plan {
  const [scale = 0, bias = 0] = f32Params(request.node.opParams);
  return pointwise('scale', request, {}, { scale, bias });
}

export function planClamp(request: PlanRequest): Plan {
  const [low = 0, high = 0] = f32Params(request.node.opParams);
  return pointwise('clamp', request, {}, { low, high });
}

export function planLeakyRelu(request: PlanRequest): Plan {
  const [slope = 0] = f32Params(request.node.opParams);
  if (!Number.isFinite(slope)) return { unsupported: `a slope of ${slope}` };
  return pointwise('leaky_relu', request, {}, { slope });
}

/** Constants of ops/math.wgsl. */
const MATH = { SQR: 0, SQRT: 1, LOG: 2 } as const;

export function planMath(request: PlanRequest, kind: keyof typeof MATH): Plan {
  return pointwise('math', request, { FUNCTION: MATH[kind] }, {});
}

export function planSinCos(request: PlanRequest, kind: 'SIN' | 'COS'): Plan {
  return pointwise('sin_cos', request, { COSINE: kind === 'COS' }, {});
}

export function planUnary(request: PlanRequest, kind: UnaryKind): Plan {
  const { opParams } = request.node;
  const [alphaN = 0, alphaP = 0, beta = 0, eps = 0] = kind === 'XIELU' ? f32Params(opParams).subarray(1) : [];
  if (![alphaN, alphaP, beta, eps].every(Number.isFinite)) return { unsupported: 'parameters that are not finite' };
  return pointwise(
    'unary',
    request,
    { ACTIVATION: activationOf(kind) },
    {
      ...atSpecials(UNARY_FUNCTIONS[kind](opParams, 'exact')),
      alpha_n: alphaN,
      alpha_p: alphaP,
      beta,
      eps,
    },
  );
}

/** Constant of lib/activations.wgsl: ggml's number. */
export function activationOf(kind: UnaryKind): number {
  return GGML_UNARY_OPS.indexOf(kind);
}

/** Fields of Params: what a function makes of infinities and NaN, which WGSL need not tell. */
export function atSpecials(f: (x: number) => number): Record<string, number> {
  return {
    at_infinity: f32Bits(f(Infinity)),
    at_minus_infinity: f32Bits(f(-Infinity)),
    at_nan: f32Bits(f(NaN)),
  };
}

/** Constants of ops/binary.wgsl. */
const OPERATORS = { ADD: 0, ADD1: 0, SUB: 1, MUL: 2, DIV: 3 } as const;

export function planBinary(request: PlanRequest, kind: keyof typeof OPERATORS): Plan {
  const [src0, src1] = request.src;
  const why = (kind === 'ADD1' ? ADD1_OP : ADD_OP).check(shapeOf(request));
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  return elementwiseOf('binary', request.dst, [src0, src1], { OPERATOR: OPERATORS[kind] }, {});
}
