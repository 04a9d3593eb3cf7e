/** The selective scan of Mamba with parts of it done otherwise: see ops/ssm.ts for the right one and its sources. */
import { intParam } from '../../../ops/op';
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';
import { operand } from './operands';

export interface ScanMistakes {
  /** d of dt. */
  readonly step?: (dt: number) => number;
  /** What the state keeps, of d and A. */
  readonly decay?: (d: number, a: number) => number;
  /** What enters the state beside B, of x and d. */
  readonly input?: (x: number, d: number) => number;
  /** Where the state is cleared. */
  readonly fresh?: 'start' | 'token';
  readonly swapped?: boolean;
  /** y is read before the token enters the state. */
  readonly readFirst?: boolean;
  /** Head h belongs to group h mod groups. */
  readonly tiled?: boolean;
}

const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));

/** The node's result in f64; undefined where A cannot be read. */
export function scanned(site: Site, mistakes: ScanMistakes): Float32Array | undefined {
  const a = operand(site, 3);
  if (!a) return undefined;
  const [size, channels, heads] = neOf(site, 0);
  const [, , tokens, sequences] = neOf(site, 1);
  const perSequence = size * channels * heads;
  const x = valuesOf(site, 1);
  const states = valuesOf(site, 0);
  const slots = valuesOf(site, 6);
  const out = new Float32Array(site.right.length);
  const token = tokenScan(site, a, mistakes);
  for (let s = 0; s < sequences; s++) {
    const from = slots[s]! * perSequence;
    const state = Float64Array.from(states.subarray(from, from + perSequence));
    if (mistakes.fresh === 'start') state.fill(0);
    for (let t = 0; t < tokens; t++) {
      if (mistakes.fresh === 'token') state.fill(0);
      token(state, s * tokens + t, out);
      const back = tokens - 1 - t;
      if (back < intParam(site.node.opParams, 0)) out.set(state, x.length + (back * sequences + s) * perSequence);
    }
  }
  return out;
}

function neOf(site: Site, index: number): readonly [number, number, number, number] {
  return sourceTensor(site, index)?.ne ?? [1, 1, 1, 1];
}

/** Takes the state through one token and fills in its y. */
function tokenScan(
  site: Site,
  a: Float32Array,
  mistakes: ScanMistakes,
): (state: Float64Array, token: number, out: Float32Array) => void {
  const { step = softplus, decay = (d, at) => Math.exp(d * at), input = (v, d) => v * d } = mistakes;
  const [size, channels, heads] = neOf(site, 0);
  const decays = neOf(site, 3)[0];
  const groups = neOf(site, 4)[1];
  const [x, dt] = [valuesOf(site, 1), valuesOf(site, 2)];
  const [b, c] = mistakes.swapped ? [valuesOf(site, 5), valuesOf(site, 4)] : [valuesOf(site, 4), valuesOf(site, 5)];
  const kept = new Float64Array(size);
  return (state, token, out) => {
    for (let h = 0; h < heads; h++) {
      const d = step(dt[token * heads + h]!);
      for (let n = 0; n < size; n++) kept[n] = decay(d, a[h * decays + (n % decays)]!);
      const group = (token * groups + (mistakes.tiled ? h % groups : Math.floor(h / (heads / groups)))) * size;
      for (let i = 0; i < channels; i++) {
        const at = (token * heads + h) * channels + i;
        const from = (h * channels + i) * size;
        const entering = input(x[at]!, d);
        let y = 0;
        for (let n = 0; n < size; n++) {
          const before = state[from + n]!;
          const after = before * kept[n]! + b[group + n]! * entering;
          state[from + n] = after;
          y += (mistakes.readFirst ? before : after) * c[group + n]!;
        }
        out[at] = y;
      }
    }
  };
}
