/**
 * Cheap looks at a mat-mul's wrong result before a mistake is replayed: whether its channels (dimension 0) are other
 * channels of the right one, or what another weight would give.
 */
import type { WeightTensor } from '../../../gguf/model-source';
import { rowBytes, supportedFormat } from '../../../quant/registry';
import type { Site } from '../../site';
import { wholeWeightOf } from './weight-site';

/** Share of the squared error that a map of channels has to explain before it is worth a replay. */
const LEAST_SHARE = 0.2;

/**
 * Whether the wrong result, where there is one, looks as if channel `c` were the right channel `from(c)`; those that
 * would lie outside say nothing.
 * It is cheap, and keeps hypotheses about whole rows from being computed in vain.
 */
export function channelsLookLike(site: Site, from: (channel: number) => number): boolean {
  const { wrong, right, mask, node } = site;
  if (!wrong) return true;
  const n = node.ne[0];
  const map = Int32Array.from({ length: n }, (_, c) => from(c));
  let [error, residual] = [0, 0];
  for (let i = 0, c = 0; i < wrong.length; i++, c = c + 1 === n ? 0 : c + 1) {
    if (mask?.[i] === 0) continue;
    const source = map[c]!;
    if (source < 0 || source >= n) continue;
    const [e, r] = [wrong[i]! - right[i]!, wrong[i]! - right[i - c + source]!];
    if (!Number.isFinite(e) || !Number.isFinite(r)) continue;
    error += e * e;
    residual += r * r;
  }
  return error > 0 && residual < (1 - LEAST_SHARE) * error;
}

/** Channels and tokens that are looked at: those with the largest errors. */
const ROWS = 6;
const TOKENS = 4;

/**
 * Whether the wrong result, where there is one, looks like that of `data` in place of the weight: at a few channels that
 * are very wrong. True where this cannot be told so cheaply.
 */
export function resultLooksLike(
  site: Site,
  data: WeightTensor,
  isUnknown: (channel: number) => boolean = () => false,
): boolean {
  const { wrong, right, mask, node } = site;
  const x = site.source(1);
  const weight = wholeWeightOf(site);
  const [n, tokens] = node.ne;
  if (!wrong || !x || !weight || node.kind !== 'MUL_MAT' || n * tokens !== wrong.length) return true;
  const [k] = weight.ne;
  if (x.length !== k * tokens || data.ne[0] !== k) return true;
  const bytes = new Uint8Array(rowBytes(data.type, k));
  const row = new Float32Array(k);
  const { dequantize, blockElements } = supportedFormat(data.type);
  let [error, residual] = [0, 0];
  for (const r of mostWrong(site, n, isUnknown)) {
    data.copyInto(r * bytes.length, bytes.length, bytes, 0);
    dequantize(bytes, 0, k / blockElements, row, 0);
    for (let t = 0; t < Math.min(tokens, TOKENS); t++) {
      const at = t * n + r;
      if (mask?.[at] === 0) continue;
      let sum = 0;
      for (let i = 0; i < k; i++) sum += row[i]! * x[t * k + i]!;
      // what is not finite says nothing here: the replay judges it
      if (!Number.isFinite(sum) || !Number.isFinite(wrong[at]!)) return true;
      error += (wrong[at]! - right[at]!) ** 2;
      residual += (wrong[at]! - sum) ** 2;
    }
  }
  return residual < (1 - LEAST_SHARE) * error;
}

/** The channels with the largest errors at the tokens looked at. */
function mostWrong(
  { wrong, right, node }: Site,
  n: number,
  isUnknown: (channel: number) => boolean,
): readonly number[] {
  if (!wrong) return [];
  const errors = new Float64Array(n);
  const count = n * Math.min(node.ne[1], TOKENS);
  for (let i = 0; i < count; i++) errors[i % n]! += Math.abs(wrong[i]! - right[i]!);
  const known = Array.from(errors.keys()).filter((c) => !isUnknown(c));
  return known.sort((a, b) => errors[b]! - errors[a]!).slice(0, ROWS);
}

/** Share of the known channels' error that must be explained before unknown ones are passed over. */
const REST_EXPLAINED = 0.9;
/** At most this share of the channels may be unknown. */
const MOST_UNKNOWN = 1 / 8;

/**
 * A mat-mul's prediction whose channels may depend on bytes that nobody knows, outside of the tensor: those are taken as
 * the candidate has them, but only where they are few and the known ones explain the error of their own.
 */
export function passingOver(
  site: Site,
  predicted: Float32Array,
  isUnknown: (channel: number) => boolean,
): Float32Array {
  const { wrong, right, mask, node } = site;
  const n = node.ne[0];
  if (!wrong || node.kind !== 'MUL_MAT') return predicted;
  const unknown = Uint8Array.from({ length: n }, (_, c) => (isUnknown(c) ? 1 : 0));
  const count = unknown.reduce((sum, u) => sum + u, 0);
  if (count === 0 || count > MOST_UNKNOWN * n) return predicted;
  let [error, residual] = [0, 0];
  for (let i = 0; i < wrong.length; i++) {
    if (unknown[i % n] || mask?.[i] === 0) continue;
    error += (wrong[i]! - right[i]!) ** 2;
    residual += (wrong[i]! - predicted[i]!) ** 2;
  }
  if (!(residual <= (1 - REST_EXPLAINED) * error)) return predicted;
  return predicted.map((p, i) => (unknown[i % n] ? wrong[i]! : p));
}

/** `values` with channel `c` taken from `map[c]`. */
export function withChannels(values: Float32Array, n: number, map: ArrayLike<number>): Float32Array {
  return values.map((_, i) => {
    const c = i % n;
    return values[i - c + map[c]!]!;
  });
}
