/**
 * Gated linear units: dst = f(gate) × up. Source: `ggml_glu_impl` in ggml.c, `ggml_compute_forward_swiglu_f32` and its
 * siblings in ggml-cpu/ops.cpp.
 *
 * Two sources: gate, up. One source: rows of 2n values (a last odd one is not read), gate in the first half and up in
 * the second, the other way round where op_params[1] (`swapped`) is set. op_params[2], [3]: alpha and limit of SWIGLU_OAI; limit of SWIGLU_CLAMP.
 */
import type { GGML_GLU_OPS } from '../graph/ggml-op';
import type { Arithmetic } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, intParam, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import { gelu, geluErfOf, geluQuickOf, silu } from './unary';

export type GluKind = (typeof GGML_GLU_OPS)[number];

/** One element of the result. */
type Gated = (gate: number, up: number) => number;

/** std::clamp(x, −limit, limit): its comparisons in its order, so that NaN stays and a negative limit does as there. */
const clamp = (x: number, limit: number): number => (x < -limit ? -limit : limit < x ? limit : x);

/** std::min(x, limit): NaN stays. */
const atMost = (x: number, limit: number): number => (limit < x ? limit : x);

/** What the gate goes through, after its limit where the kind has one. */
export function gateFunction(
  kind: GluKind,
  opParams: readonly number[],
  arithmetic: Arithmetic,
): (gate: number) => number {
  const r = intermediateRounding(arithmetic);
  switch (kind) {
    case 'REGLU':
      return (x) => (x > 0 ? x : 0);
    case 'SWIGLU':
    case 'SWIGLU_CLAMP':
      return (x) => silu(x, r);
    case 'GEGLU':
      return gelu(arithmetic);
    case 'GEGLU_ERF':
      return geluErfOf(arithmetic);
    case 'GEGLU_QUICK':
      return geluQuickOf(arithmetic);
    case 'SWIGLU_OAI': {
      const alpha = floatParam(opParams, 2);
      return (x) => r(x / r(1 + r(Math.exp(r(alpha * -x)))));
    }
  }
}

function gatedOf(kind: GluKind, { opParams, arithmetic }: OpCall): Gated {
  const r = intermediateRounding(arithmetic);
  const activate = gateFunction(kind, opParams, arithmetic);
  const limit = floatParam(opParams, 3);
  switch (kind) {
    case 'REGLU':
      return (gate, up) => (gate > 0 ? gate * up : 0);
    case 'GEGLU':
      // `ggml_vec_geglu_f32` does not look at the other factor where the table's gate is 0
      return (gate, up) => (arithmetic === 'ggml' && gate <= -10 ? 0 : activate(gate) * up);
    case 'SWIGLU_OAI':
      return (gate, up) => activate(atMost(gate, limit)) * r(clamp(up, limit) + 1);
    case 'SWIGLU_CLAMP':
      return (gate, up) => activate(atMost(gate, limit)) * clamp(up, limit);
    default:
      return (gate, up) => activate(gate) * up;
  }
}

export function checkGlu(node: OpShape): string | undefined {
  const { dst, src } = node;
  const [n, ...rest] = dst.ne;
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    src[1] && needDecodable(node, 1),
    src[1] && needExtents(node, 1, dst.ne),
    needExtents(node, 0, src[1] ? dst.ne : [src[0]?.ne[0] === 2 * n + 1 ? 2 * n + 1 : 2 * n, ...rest]),
  );
}

export function gluOp(kind: GluKind): InlineOp {
  return { how: 'inline', check: checkGlu, compute: (call) => compute(kind, call) };
}

function compute(kind: GluKind, call: OpCall): void {
  const first = sourceOf(call, 0);
  const second = call.src[1];
  const f = gatedOf(kind, call);
  const n = call.dst.ne[0];
  const swapped = !second && intParam(call.opParams, 1) !== 0;
  const both = new Float32Array(2 * n + 1);
  const gate = swapped ? n : 0;
  const up = n - gate;
  const out = new Float32Array(n);
  forEachRow(call.dst.ne, (i1, i2, i3) => {
    first.readRow(i1, i2, i3, both, 0);
    if (second) second.readRow(i1, i2, i3, both, n);
    for (let i = 0; i < n; i++) out[i] = f(both[gate + i] as number, both[up + i] as number);
    call.dst.writeRow(i1, i2, i3, out, 0);
  });
}
