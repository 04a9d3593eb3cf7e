/** SOFT_MAX row by row, for mistakes that its parameters cannot express. In f64, as the reference's exact arithmetic. */
import { sourceTensor, valuesOf } from '../../site';
import type { Site } from '../../site';
import { alibiSlopes } from '../../../ops/alibi';
import { floatParam } from '../../../ops/op';
import { allValuesOf } from './source-values';

/** One row: a head's scores of one token over all keys. */
export interface ScoreRow {
  readonly token: number;
  readonly head: number;
  readonly heads: number;
  /** The scores, scaled, without mask. */
  readonly scaled: Float64Array;
  /** What the mask adds, before ALiBi's slope; zeros without a mask. */
  readonly mask: Float64Array;
  readonly slope: number;
  /** −∞ where there is none. */
  readonly sink: number;
}

/** Writes a row's probabilities. */
export type RowRule = (row: ScoreRow, out: Float64Array) => void;

export function softMaxRows(site: Site, rule: RowRule): Float32Array {
  const scores = valuesOf(site, 0);
  const [keys, tokens, heads] = site.node.ne;
  const scale = floatParam(site.node.opParams, 0);
  const slopes = alibiSlopes(heads, floatParam(site.node.opParams, 1), 'exact');
  const maskAt = maskRows(site);
  const sinks = sourceTensor(site, 2) && allValuesOf(site, 2);
  const [scaled, mask, out] = [new Float64Array(keys), new Float64Array(keys), new Float64Array(keys)];
  const result = new Float32Array(scores.length);
  for (let at = 0, r = 0; at < scores.length; at += keys, r++) {
    const head = Math.floor(r / tokens) % heads;
    for (let k = 0; k < keys; k++) scaled[k] = (scores[at + k] as number) * scale;
    maskAt(r % tokens, head, Math.floor(r / (tokens * heads)), mask);
    const sink = sinks ? (sinks[head] as number) : -Infinity;
    rule({ token: r % tokens, head, heads, scaled, mask, slope: slopes[head] as number, sink }, out);
    result.set(out, at);
  }
  return result;
}

function maskRows(site: Site): (token: number, head: number, batch: number, out: Float64Array) => void {
  const t = sourceTensor(site, 1);
  if (!t) return () => undefined;
  const values = valuesOf(site, 1);
  const [keys, rows, planes, cubes] = t.ne;
  return (token, head, batch, out) => {
    const at = (((batch % cubes) * planes + (head % planes)) * rows + token) * keys;
    for (let k = 0; k < keys; k++) out[k] = values[at + k] as number;
  };
}

/** z of a row, and its greatest value, the sink among them. */
export function logits({ scaled, mask, slope, sink }: ScoreRow, out: Float64Array): number {
  let max = sink;
  for (let k = 0; k < out.length; k++) {
    const bias = mask[k] as number;
    const z = (scaled[k] as number) + (bias === 0 ? 0 : slope * bias);
    out[k] = z;
    if (z > max) max = z;
  }
  return max;
}

/** exp(z − max) in place, with the power function; the sum of all, the sink's among them. */
export function powers(out: Float64Array, max: number, sink: number, power: (x: number) => number = Math.exp): number {
  let sum = sink === -Infinity ? 0 : power(sink - max);
  for (let k = 0; k < out.length; k++) {
    const e = power((out[k] as number) - max);
    out[k] = e;
    sum += e;
  }
  return sum;
}

export function divide(out: Float64Array, by: number): void {
  for (let k = 0; k < out.length; k++) out[k] = (out[k] as number) / by;
}
