/**
 * By what angles ROPE turns pairs of channels; both lanes ask here. Source: `ggml_rope_impl` in ggml.c (op_params),
 * `ggml_rope_cache_init`, `ggml_mrope_cache_init`, `rope_yarn` in ggml-cpu/ops.cpp.
 *
 *     θ_extrap = position × freq_base^(−2s/n_dims) / factor      θ_interp = freq_scale × θ_extrap
 *     θ = θ_interp × (1 − mix) + θ_extrap × mix,  mix = ramp × ext_factor            (YaRN)
 *     m = attn_factor × (1 + 0.1 ln(1/freq_scale) where ext_factor ≠ 0)
 *
 * A pair's position and s depend on the mode: `ropePairs`.
 */
import type { Arithmetic, Rounding } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import { floatParam, intParam } from './op';

/** `GGML_ROPE_TYPE_*` of ggml.h. */
export const ROPE_MODE = { NORM: 0, NEOX: 2, MROPE: 8, VISION: 24, IMROPE: 40 } as const;

/** Positions of one token in the modes with sections: time, height, width, extra. */
export const POSITION_COMPONENTS = 4;

/** ggml's op_params of ROPE, by name. */
export interface RopeParams {
  /** Rotated channels; half of them in mode VISION, which rotates all. */
  readonly dims: number;
  readonly mode: number;
  readonly originalContext: number;
  readonly freqBase: number;
  readonly freqScale: number;
  readonly extFactor: number;
  readonly attnFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Pairs that each component of a position turns. */
  readonly sections: readonly [number, number, number, number];
  /** First rotated channel. */
  readonly firstChannel: number;
}

/** @param opParams ggml's 16 int32 op parameters; floats lie in them as bits */
export function ropeParams(opParams: readonly number[]): RopeParams {
  const section = (i: number): number => intParam(opParams, 11 + i);
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
    sections: [section(0), section(1), section(2), section(3)],
    firstChannel: intParam(opParams, 15),
  };
}

export function hasSections({ mode }: RopeParams): boolean {
  return mode === ROPE_MODE.MROPE || mode === ROPE_MODE.IMROPE || mode === ROPE_MODE.VISION;
}

export function pairCount({ mode, dims }: RopeParams): number {
  return mode === ROPE_MODE.VISION ? dims : dims / 2;
}

/** What turns a pair: which component of the position (0 unless there are sections), at frequency base^(−2 steps/n_dims). */
export interface RopePair {
  readonly component: number;
  readonly steps: number;
}

/** All pairs. In mode VISION the frequencies of a component start anew where its section does. */
export function ropePairs(p: RopeParams): readonly RopePair[] {
  const pairs = Array.from({ length: pairCount(p) }, (_, i) => ({ component: 0, steps: i }));
  if (!hasSections(p)) return pairs;
  const [time, height, width, extra] = p.sections;
  const period = time + height + width + extra;
  const starts = [0, time, time + height, time + height + width];
  const from = [0, 0, 0, 0];
  return pairs.map((_, i) => {
    const sector = i % period;
    // Of sections that start together only the first is renewed, as in ggml.
    const renewed = starts.indexOf(sector);
    if (p.mode === ROPE_MODE.VISION && renewed >= 0) from[renewed] = i;
    const component = p.mode === ROPE_MODE.IMROPE ? interleaved(sector, p.sections) : sectionOf(sector, starts);
    return { component, steps: i - (from[component] as number) };
  });
}

function sectionOf(sector: number, starts: readonly number[]): number {
  return starts.findLastIndex((start) => sector >= start);
}

/** Time, height, width by turns, as long as each has pairs left. */
function interleaved(sector: number, sections: readonly number[]): number {
  const component = sector % 3;
  return sector < 3 * (sections[component] as number) ? component : 3;
}

/** mix per pair; 0 without YaRN, where θ = θ_interp. */
export function yarnMix(p: RopeParams, r: Rounding): Float64Array {
  const mix = new Float64Array(pairCount(p));
  if (p.extFactor === 0) return mix;
  const [low, high] = yarnRange(p, r);
  const width = Math.max(r(0.001), r(high - low));
  return mix.map((_, i) => {
    const y = r(r(i - low) / width);
    return r((1 - Math.min(1, Math.max(0, y))) * p.extFactor);
  });
}

/** `ggml_rope_yarn_corr_dims`: the pairs between which extrapolation fades into interpolation. */
function yarnRange(p: RopeParams, r: Rounding): readonly [number, number] {
  const pair = (rotations: number): number => {
    const turns = r(p.originalContext / r(r(rotations * 2) * r(Math.PI)));
    return r(r(p.dims * r(Math.log(turns))) / r(2 * r(Math.log(p.freqBase))));
  };
  return [Math.max(0, Math.floor(pair(p.betaFast))), Math.min(p.dims - 1, Math.ceil(pair(p.betaSlow)))];
}

export function ropeMagnitude(p: RopeParams, r: Rounding): number {
  if (p.extFactor === 0) return p.attnFactor;
  return r(p.attnFactor * r(1 + r(r(0.1) * r(Math.log(r(1 / p.freqScale))))));
}

/** What turns a token's pairs, apart from its position. */
export interface Rotation {
  /** m·cos θ and m·sin θ of every pair of a token whose position has these components. */
  at(position: readonly number[]): { readonly cos: Float64Array; readonly sin: Float64Array };
}

/**
 * `exact`: all in f64. `ggml`: every step in f32, the angle by repeated multiplication with freq_base^(−2/n_dims).
 * @param factors one per pair, 1 where absent; they divide the angle
 */
export function rotation(p: RopeParams, factors: Float32Array | undefined, arithmetic: Arithmetic): Rotation {
  const r = intermediateRounding(arithmetic);
  const pairs = ropePairs(p);
  const mix = yarnMix(p, r);
  const m = ropeMagnitude(p, r);
  const stepwise = r(p.freqBase ** r(-2 / p.dims));
  const cos = new Float64Array(pairs.length);
  const sin = new Float64Array(pairs.length);
  const powers = pairs.map((_, s) => p.freqBase ** ((-2 * s) / p.dims));
  const angles = (position: number): number[] => {
    if (arithmetic !== 'ggml') return powers.map((power) => position * power);
    let angle = r(position);
    return pairs.map((_, s) => (angle = s === 0 ? angle : r(angle * stepwise)));
  };
  return {
    at(position) {
      const theta = position.map(angles);
      for (const [i, { component, steps }] of pairs.entries()) {
        const angle = (theta[component] as number[])[steps] as number;
        const extrapolated = r(angle / (factors?.[i] ?? 1));
        const share = mix[i] as number;
        const turned = r(r(r(p.freqScale * extrapolated) * r(1 - share)) + r(extrapolated * share));
        cos[i] = r(r(Math.cos(turned)) * m);
        sin[i] = r(r(Math.sin(turned)) * m);
      }
      return { cos, sin };
    },
  };
}
