/**
 * ROPE: rotates pairs of channels by position × frequency. Source: `ggml_rope_impl` in ggml.c (op_params),
 * `ggml_rope_cache_init`, `rope_yarn`, `rotate_pairs` in ggml-cpu/ops.cpp.
 *
 * Pair i of n_dims/2: channels (2i, 2i+1) in mode NORM, (i, i + n_dims/2) in mode NEOX; channels outside
 * [n_offs, n_offs + n_dims) pass through. Sources: x [head_dim, heads, tokens], positions I32 [tokens], and optionally
 * frequency factors F32 [≥ n_dims/2].
 *
 *     θ_extrap = position × freq_base^(−2i/n_dims) / factor_i      θ_interp = freq_scale × θ_extrap
 *     θ = θ_interp × (1 − mix) + θ_extrap × mix,  mix = ramp_i × ext_factor       (YaRN; θ_interp where ext_factor = 0)
 *     m = attn_factor × (1 + 0.1 ln(1/freq_scale) where ext_factor ≠ 0)
 *     (x0, x1) → m × (x0 cos θ − x1 sin θ, x0 sin θ + x1 cos θ)
 *
 * `exact`: all in f64. `ggml`: every step in f32, the angle by repeated multiplication with freq_base^(−2/n_dims).
 */
import type { Arithmetic } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import {
  firstOf,
  floatParam,
  intParam,
  needDecodable,
  needExtents,
  needFloatResult,
  needIndices,
  sourceOf,
} from './op';

/** `GGML_ROPE_TYPE_NORMAL` and `GGML_ROPE_TYPE_NEOX` of ggml.h. */
export const ROPE_MODE = { NORM: 0, NEOX: 2 } as const;

/** ggml's op_params of ROPE, by name. */
export interface RopeParams {
  readonly dims: number;
  readonly mode: number;
  readonly originalContext: number;
  readonly freqBase: number;
  readonly freqScale: number;
  readonly extFactor: number;
  readonly attnFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** First rotated channel. */
  readonly firstChannel: number;
}

export function ropeParams(opParams: readonly number[]): RopeParams {
  return {
    dims: intParam(opParams, 1),
    mode: intParam(opParams, 2),
    originalContext: intParam(opParams, 4),
    freqBase: floatParam(opParams, 5),
    freqScale: floatParam(opParams, 6),
    extFactor: floatParam(opParams, 7),
    attnFactor: floatParam(opParams, 8),
    betaFast: floatParam(opParams, 9),
    betaSlow: floatParam(opParams, 10),
    firstChannel: intParam(opParams, 15),
  };
}

export const ROPE_OP: InlineOp = { how: 'inline', check, compute };

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const p = ropeParams(node.opParams);
  const [, positions, factors] = src;
  return firstOf(
    p.mode !== ROPE_MODE.NORM && p.mode !== ROPE_MODE.NEOX && `mode ${p.mode}`,
    needDecodable(node, 0),
    needFloatResult(node),
    needExtents(node, 0, dst.ne),
    needIndices(node, 1),
    positions && positions.ne[0] !== dst.ne[2] && `${positions.ne[0]} positions for ${dst.ne[2]} tokens`,
    factors && needDecodable(node, 2),
    factors && factors.ne[0] < p.dims / 2 && `${factors.ne[0]} frequency factors for ${p.dims / 2} pairs`,
    (p.dims <= 0 || p.dims % 2 !== 0 || p.firstChannel < 0 || p.firstChannel + p.dims > dst.ne[0]) &&
      `${p.dims} rotated channels from ${p.firstChannel} on, of ${dst.ne[0]}`,
  );
}

function compute(call: OpCall): void {
  const x = sourceOf(call, 0);
  const positions = sourceOf(call, 1);
  const p = ropeParams(call.opParams);
  const factors = frequencyFactors(call, p.dims / 2);
  const r = intermediateRounding(call.arithmetic);
  const pairs = p.dims / 2;
  const neox = p.mode === ROPE_MODE.NEOX;
  const partner = neox ? pairs : 1;
  const row = new Float32Array(x.ne[0]);
  for (let i2 = 0; i2 < x.ne[2]; i2++) {
    const { cos, sin } = ropeTable(p, positions.readIndex(i2, 0, 0, 0), factors, call.arithmetic);
    for (let i3 = 0; i3 < x.ne[3]; i3++) {
      for (let i1 = 0; i1 < x.ne[1]; i1++) {
        x.readRow(i1, i2, i3, row, 0);
        for (let i = 0; i < pairs; i++) {
          const a = p.firstChannel + (neox ? i : 2 * i);
          const x0 = row[a] as number;
          const x1 = row[a + partner] as number;
          const c = cos[i] as number;
          const s = sin[i] as number;
          row[a] = r(x0 * c) - r(x1 * s);
          row[a + partner] = r(x0 * s) + r(x1 * c);
        }
        call.dst.writeRow(i1, i2, i3, row, 0);
      }
    }
  }
}

function frequencyFactors(call: OpCall, pairs: number): Float32Array {
  const source = call.src[2];
  if (!source) return new Float32Array(pairs).fill(1);
  const factors = new Float32Array(source.ne[0]);
  source.readRow(0, 0, 0, factors, 0);
  return factors;
}

/** m·cos θ and m·sin θ of every pair at one position. */
export function ropeTable(
  p: RopeParams,
  position: number,
  factors: Float32Array,
  arithmetic: Arithmetic,
): { readonly cos: Float64Array; readonly sin: Float64Array } {
  const pairs = p.dims / 2;
  const r = intermediateRounding(arithmetic);
  const cos = new Float64Array(pairs);
  const sin = new Float64Array(pairs);
  const stepwise = r(p.freqBase ** r(-2 / p.dims));
  const yarn = p.extFactor !== 0;
  const [low, high] = yarn ? yarnCorrection(p, r) : [0, 0];
  const m = yarn ? r(p.attnFactor * r(1 + r(r(0.1) * r(Math.log(r(1 / p.freqScale)))))) : p.attnFactor;
  let repeated = position;
  for (let i = 0; i < pairs; i++) {
    const angle = arithmetic === 'ggml' ? repeated : position * p.freqBase ** ((-2 * i) / p.dims);
    const extrapolated = r(angle / (factors[i] as number));
    let theta = r(p.freqScale * extrapolated);
    if (yarn) {
      const y = r(r(i - low) / Math.max(r(0.001), r(high - low)));
      const mix = r((1 - Math.min(1, Math.max(0, y))) * p.extFactor);
      theta = r(r(theta * r(1 - mix)) + r(extrapolated * mix));
    }
    cos[i] = r(r(Math.cos(theta)) * m);
    sin[i] = r(r(Math.sin(theta)) * m);
    repeated = r(repeated * stepwise);
  }
  return { cos, sin };
}

/** `ggml_rope_yarn_corr_dims`: the pairs between which extrapolation fades into interpolation. */
function yarnCorrection(p: RopeParams, r: (x: number) => number): [number, number] {
  const dimension = (rotations: number): number => {
    const turns = r(p.originalContext / r(r(rotations * 2) * r(Math.PI)));
    return r(r(p.dims * r(Math.log(turns))) / r(2 * r(Math.log(p.freqBase))));
  };
  return [Math.max(0, Math.floor(dimension(p.betaFast))), Math.min(p.dims - 1, Math.ceil(dimension(p.betaSlow)))];
}
