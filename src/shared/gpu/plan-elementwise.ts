import type { Dims } from '../graph/graph';
import { elementCount } from '../graph/graph';
import { isContiguous } from '../ops/tensor-shape';
import type { Operand, Plan } from './kernel-call';
import { perElement, perWorkgroup } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { ROPE_NEOX, ROPE_NORM, ropeParams, ropeTable } from './rope-table';
import { elementwise, f32Params, refusal, typeConstants } from './plan-parts';

export function planScale(request: PlanRequest): Plan {
  const params = f32Params(request.node.opParams);
  return elementwise('scale', request, {}, { scale: params[0] ?? 0, bias: params[1] ?? 0 });
}

/** @param activation constant of lib/activations.wgsl */
export function planUnary(request: PlanRequest, activation: number): Plan {
  return elementwise('unary', request, { ACTIVATION: activation }, {});
}

/** @param operator constant of ops/binary.wgsl */
export function planBinary({ dst, src }: PlanRequest, operator: number): Plan {
  const [src0, src1] = src;
  const why = refusal(dst, src0, src1);
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  return {
    variant: { op: 'binary', constants: { ...typeConstants(src0, src1), OPERATOR: operator } },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

/**
 * GLU. With one source its first half of each row is `a` and the second `b`, or the reverse when op_params[1] is set
 * (`ggml_compute_forward_swiglu_f32`); with two, a is source 0. Result: activation(a) · b.
 * @param activation constant of lib/activations.wgsl
 */
export function planGlu({ node, dst, src }: PlanRequest, activation: number): Plan {
  const why = refusal(dst, src[0]) ?? (src[1] ? refusal(dst, src[1]) : undefined);
  if (why !== undefined || !src[0]) return { unsupported: why ?? '' };
  const [a, b] = src[1] ? [src[0], src[1]] : halves(src[0], node.opParams[1] !== 0);
  return {
    variant: { op: 'glu', constants: { ...typeConstants(a, b), ACTIVATION: activation } },
    dst,
    sources: [a, b],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

function halves(source: Operand, swapped: boolean): readonly [Operand, Operand] {
  const ne: Dims = [source.ne[0] / 2, source.ne[1], source.ne[2], source.ne[3]];
  const first = { ...source, ne };
  const second = { ...first, offset: source.offset + ne[0] * source.nb[0] };
  return swapped ? [second, first] : [first, second];
}

export function planRmsNorm({ node, dst, src }: PlanRequest): Plan {
  const why = refusal(dst, src[0]);
  if (why !== undefined || !src[0]) return { unsupported: why ?? '' };
  const { ne } = src[0];
  return {
    variant: { op: 'rms_norm', constants: typeConstants(src[0]) },
    dst,
    sources: [src[0]],
    values: { epsilon: f32Params(node.opParams)[0] ?? 0 },
    byRows: false,
    workgroups: () => perWorkgroup(ne[1] * ne[2] * ne[3]),
  };
}

export function planSoftMax({ node, dst, src }: PlanRequest): Plan {
  const [src0, mask, sinks] = src;
  if (sinks) return { unsupported: 'attention sinks' };
  const why = refusal(dst, src0) ?? (mask ? refusal(dst, mask) : undefined);
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  const [scale = 1, maxBias = 0] = f32Params(node.opParams);
  const { ne } = src0;
  return {
    variant: { op: 'soft_max', constants: { ...typeConstants(src0, mask ?? src0), HAS_MASK: mask !== undefined } },
    dst,
    sources: [src0, mask ?? src0],
    aux: { key: `slopes ${ne[2]} ${maxBias}`, make: () => alibiSlopes(ne[2], maxBias) },
    values: { scale },
    byRows: false,
    workgroups: () => perWorkgroup(ne[1] * ne[2] * ne[3]),
  };
}

/** ALiBi's slope per head, 1 without it: `ggml_compute_forward_soft_max_f32`. */
function alibiSlopes(heads: number, maxBias: number): Float32Array {
  if (maxBias <= 0) return new Float32Array(heads).fill(1);
  const power = 2 ** Math.floor(Math.log2(heads));
  const m0 = 2 ** (-maxBias / power);
  const m1 = 2 ** (-maxBias / 2 / power);
  return Float32Array.from({ length: heads }, (_, h) => (h < power ? m0 ** (h + 1) : m1 ** (2 * (h - power) + 1)));
}

export function planRope(request: PlanRequest): Plan {
  const { node, src } = request;
  const rope = ropeParams(node.opParams);
  if (rope.mode !== ROPE_NORM && rope.mode !== ROPE_NEOX) return { unsupported: `mode ${rope.mode}` };
  const [, positions, factors] = src;
  if (!positions || !isContiguous(positions)) return { unsupported: 'positions with gaps' };
  const positionBytes = request.contents(1);
  if (!positionBytes) return { unsupported: 'positions that are computed' };
  const factorBytes = factors && request.contents(2);
  if (factors && (!factorBytes || factors.type !== 'F32'))
    return { unsupported: 'frequency factors that are computed' };
  const plan = elementwise('rope', request, {}, { first: rope.first, n_dims: rope.nDims });
  if ('unsupported' in plan) return plan;
  return {
    ...plan,
    variant: { ...plan.variant, constants: { ...plan.variant.constants, NEOX: rope.mode === ROPE_NEOX } },
    aux: {
      key: `rope ${positions.owner.key}+${positions.offset} ${factors?.owner.key ?? ''} ${node.opParams.join(',')}`,
      make: () =>
        ropeTable(rope, new Int32Array(positionBytes.buffer), factorBytes && new Float32Array(factorBytes.buffer)),
    },
  };
}
