/** What hypotheses about ROPE share. */
import type { RopeParams } from '../../../ops/rope-angles';
import {
  hasSections,
  pairCount,
  POSITION_COMPONENTS,
  ROPE_MODE,
  ropeMagnitude,
  ropeParams,
} from '../../../ops/rope-angles';
import type { Site } from '../../site';
import { evaluateChanged, sourceTensor, valuesOf } from '../../site';
import { withFloatParam } from '../op-params';

/** Indices of ggml's op_params of ROPE. */
export const ROPE_PARAM = {
  dims: 1,
  mode: 2,
  base: 5,
  scale: 6,
  ext: 7,
  attn: 8,
  fast: 9,
  slow: 10,
  first: 15,
} as const;

/** Undefined where the node is no ROPE. */
export function ropeOf(site: Site): RopeParams | undefined {
  return site.node.kind === 'ROPE' ? ropeParams(site.node.opParams) : undefined;
}

/** m in f64: what rotated channels are multiplied with. */
export function magnitudeOf(p: RopeParams): number {
  return ropeMagnitude(p, (x) => x);
}

/** op_params whose magnitude is `m`, whatever else they say. */
export function withMagnitude(opParams: readonly number[], m: number): readonly number[] {
  const one = magnitudeOf(ropeParams(withFloatParam(opParams, ROPE_PARAM.attn, 1)));
  return withFloatParam(opParams, ROPE_PARAM.attn, m / one);
}

export function withRopeParams(site: Site, opParams: readonly number[]): Float32Array {
  return evaluateChanged(site, { opParams });
}

/** ROPE at other positions; all components of a position where there are sections. */
export function atPositions(site: Site, change: (positions: Float32Array) => Float32Array): Float32Array {
  return evaluateChanged(site, { sources: new Map([[1, change(valuesOf(site, 1))]]) });
}

/** Positions per token. */
export function componentsOf(p: RopeParams): number {
  return hasSections(p) ? POSITION_COMPONENTS : 1;
}

/** Frequency factors, one per pair, or undefined; a weight is read. */
export function hasFactors(site: Site): boolean {
  return sourceTensor(site, 2) !== undefined;
}

/** m·cos θ and m·sin θ of all pairs. */
export interface Turn {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Rotates each head by angles of the caller's: for mistakes that op_params cannot express. In f64. */
export function rotateHeads(site: Site, turnOf: (head: number, token: number) => Turn): Float32Array {
  const p = ropeParams(site.node.opParams);
  const out = valuesOf(site, 0).slice();
  const [channels, heads, tokens] = site.node.ne;
  const pairs = pairCount(p);
  const [step, partner] = p.mode === ROPE_MODE.NORM ? [2, 1] : [1, pairs];
  for (let row = 0, start = 0; start < out.length; row++, start += channels) {
    const { cos, sin } = turnOf(row % heads, Math.floor(row / heads) % tokens);
    for (let i = 0, a = start + p.firstChannel; i < pairs; i++, a += step) {
      const [x0, x1] = [out[a] as number, out[a + partner] as number];
      const [c, s] = [cos[i] as number, sin[i] as number];
      out[a] = x0 * c - x1 * s;
      out[a + partner] = x0 * s + x1 * c;
    }
  }
  return out;
}
