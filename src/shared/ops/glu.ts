/**
 * Gated linear units: dst = f(gate) × up. Source: `ggml_glu_impl` in ggml.c, `ggml_compute_forward_swiglu_f32` and its
 * siblings in ggml-cpu/ops.cpp.
 *
 * Two sources: gate, up. One source: rows of 2n values, gate in the first half and up in the second, the other way
 * round where op_params[1] (`swapped`) is set. op_params[2], [3]: alpha and limit of SWIGLU_OAI; limit of SWIGLU_CLAMP.
 */
import type { GGML_GLU_OPS } from '../graph/ggml-op';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, intParam, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import { gelu, geluErfOf, geluQuickOf, silu } from './unary';

export type GluKind = (typeof GGML_GLU_OPS)[number];

/** One element of the result. */
type Gated = (gate: number, up: number) => number;

const clamp = (x: number, limit: number): number => Math.max(-limit, Math.min(limit, x));

function gatedOf(kind: GluKind, call: OpCall): Gated {
  const r = intermediateRounding(call.arithmetic);
  switch (kind) {
    case 'REGLU':
      return (gate, up) => (gate > 0 ? gate * up : 0);
    case 'SWIGLU':
      return (gate, up) => silu(gate, r) * up;
    case 'GEGLU':
      return times(gelu(call.arithmetic));
    case 'GEGLU_ERF':
      return times(geluErfOf(call.arithmetic));
    case 'GEGLU_QUICK':
      return times(geluQuickOf(call.arithmetic));
    case 'SWIGLU_OAI': {
      const alpha = floatParam(call.opParams, 2);
      const limit = floatParam(call.opParams, 3);
      return (gate, up) => {
        const x = Math.min(gate, limit);
        return r(x / r(1 + r(Math.exp(r(alpha * -x))))) * r(clamp(up, limit) + 1);
      };
    }
    case 'SWIGLU_CLAMP': {
      const limit = floatParam(call.opParams, 3);
      return (gate, up) => silu(Math.min(gate, limit), r) * clamp(up, limit);
    }
  }
}

function times(f: (x: number) => number): Gated {
  return (gate, up) => f(gate) * up;
}

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const [n, ...rest] = dst.ne;
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    src[1] && needDecodable(node, 1),
    src[1] && needExtents(node, 1, dst.ne),
    needExtents(node, 0, src[1] ? dst.ne : [2 * n, ...rest]),
  );
}

export function gluOp(kind: GluKind): InlineOp {
  return { how: 'inline', check, compute: (call) => compute(kind, call) };
}

function compute(kind: GluKind, call: OpCall): void {
  const first = sourceOf(call, 0);
  const second = call.src[1];
  const f = gatedOf(kind, call);
  const n = call.dst.ne[0];
  const swapped = !second && intParam(call.opParams, 1) !== 0;
  const both = new Float32Array(2 * n);
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
