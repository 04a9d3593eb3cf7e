import { f32Bits } from '../base/float-bits';
import { elementCount } from '../graph/graph';
import type { Window } from '../ops/arrange';
import {
  ACC_OP,
  CONCAT_OP,
  concatWindow,
  nearestIndex,
  PAD_OP,
  PAD_REFLECT_1D_OP,
  REPEAT_OP,
  ROLL_OP,
  SET_OP,
  setWindow,
  UPSCALE_OP,
} from '../ops/arrange';
import { bandOf, DIAGONALS_OP } from '../ops/diagonals';
import { intParam } from '../ops/op';
import type { InlineOp } from '../ops/op';
import type { AuxTable, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { movementOf } from './movement';
import type { PlanRequest } from './plan-op';
import { elementwise, shapeOf } from './plan-parts';
import type { OpShader } from './shader-variant';
import { elementConstant } from './shader-variant';
import type { FieldValues } from './wgsl-struct';

/** What stands beyond the edges of source 0: constants of ops/pad.wgsl. */
const EDGES = { zeros: 0, wrap: 1, reflect: 2 } as const;

export function planRepeat(request: PlanRequest): Plan {
  return planPadding(request, REPEAT_OP, EDGES.wrap, () => 0);
}

export function planRoll(request: PlanRequest): Plan {
  const { opParams, ne } = request.node;
  return planPadding(request, ROLL_OP, EDGES.wrap, (d) => intParam(opParams, d) % (ne[d] as number));
}

export function planPad(request: PlanRequest): Plan {
  const { opParams } = request.node;
  const edges = intParam(opParams, 8) === 0 ? EDGES.zeros : EDGES.wrap;
  return planPadding(request, PAD_OP, edges, (d) => intParam(opParams, 2 * d));
}

export function planPadReflect(request: PlanRequest): Plan {
  const left = intParam(request.node.opParams, 0);
  return planPadding(request, PAD_REFLECT_1D_OP, EDGES.reflect, (d) => (d === 0 ? left : 0));
}

/** @param shift elements of the result ahead of source 0, per dimension */
function planPadding(request: PlanRequest, op: InlineOp, edges: number, shift: (d: number) => number): Plan {
  return planMovement('pad', request, op, { EDGES: edges }, { shift: [0, 1, 2, 3].map(shift) });
}

export function planUpscale(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const from = src[0]?.ne ?? dst.ne;
  const plan = planMovement('upscale', request, UPSCALE_OP, {}, {});
  if ('unsupported' in plan) return plan;
  const aux: AuxTable = {
    key: `upscale ${from.join(',')} ${dst.ne.join(',')} ${node.opParams[0]}`,
    make: () => {
      const indices = dst.ne.flatMap((n, d) =>
        Array.from({ length: n }, (_, i) => nearestIndex(i, d, from, dst.ne, node.opParams)),
      );
      return new Float32Array(Uint32Array.from(indices).buffer);
    },
  };
  return { ...plan, aux };
}

export function planConcat(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const window = concatWindow(dst, src[0]?.ne ?? dst.ne, intParam(node.opParams, 0));
  return planWindow(request, CONCAT_OP, window, false);
}

export function planSet(request: PlanRequest): Plan {
  return planWindow(request, SET_OP, setWindow(request.dst, request.node.opParams), false);
}

export function planAcc(request: PlanRequest): Plan {
  return planWindow(request, ACC_OP, setWindow(request.dst, request.node.opParams), true);
}

/** No byte of a tensor lies as far. */
const BEYOND = 2 ** 32 - 1;

function planWindow(request: PlanRequest, op: InlineOp, window: Window, accumulates: boolean): Plan {
  const second = request.src[1];
  if (!second) return { unsupported: 'source 1 is missing' };
  // a dimension of one element has no stride that counts
  const strides = window.nb.map((nb, d) => (second.ne[d] === 1 && d > 0 ? BEYOND : nb));
  const values = { window: strides, window_offset: window.offset };
  return planMovement('set', request, op, { ACCUMULATES: accumulates }, values);
}

/** A kernel that moves elements of sources of one type. */
function planMovement(
  shader: OpShader,
  request: PlanRequest,
  op: InlineOp,
  constants: Record<string, number | boolean>,
  values: FieldValues,
): Plan {
  const { dst, src } = request;
  const [src0, ...others] = src.filter((operand) => operand !== undefined);
  const why = op.check(shapeOf(request));
  if (why !== undefined || !src0) return { unsupported: why ?? 'source 0 is missing' };
  const movement = movementOf(dst, src0, ...others);
  if (!movement) return { unsupported: `${src0.type} to ${dst.type}` };
  const sources = [src0, ...others];
  const types = sources.map((_, i) => elementConstant(i, movement.element));
  return {
    variant: {
      op: shader,
      dst: movement.dst,
      constants: { ...(Object.assign({}, ...types) as Record<string, number>), WORDS: movement.words, ...constants },
    },
    dst,
    sources,
    values,
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

/** DIAG, DIAG_MASK_INF, DIAG_MASK_ZERO, TRI. */
export function planDiagonals(request: PlanRequest): Plan {
  const band = bandOf(request.node);
  const why = DIAGONALS_OP.check(shapeOf(request));
  if (why !== undefined || !band) return { unsupported: why ?? '' };
  const { first, last, other } = band;
  return elementwise('diagonals', request, {}, { band_first: first, band_last: last, other_bits: f32Bits(other) });
}
