/**
 * State-space models. Source: `ggml_ssm_conv`, `ggml_ssm_scan` in ggml.c and `ggml_compute_forward_ssm_conv_f32`,
 * `ggml_compute_forward_ssm_scan_f32` in ggml-cpu/ops.cpp.
 *
 * `exact`: all in f64, the state too, which is carried from token to token unrounded. `ggml`: every product, every state
 * and exp and log rounded to f32, the taps of the convolution summed in f32; the sum over the state in f64.
 */
import { QuarrelError } from '../base/errors';
import type { Dims } from '../graph/graph';
import type { Arithmetic, Intermediates } from './arithmetic';
import { intermediateRounding, intermediates } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import {
  firstOf,
  intParam,
  needDecodable,
  needExtents,
  needFloatResult,
  needIndices,
  needResult,
  sourceOf,
} from './op';
import { gatherF32 } from './operand';

/**
 * A causal convolution along time, per channel: dst[c, t, s] = Σ_i x[t + i, c, s] · w[i, c].
 * Sources: x [time, channel, sequence], the last taps of the tokens before included; w [tap, channel].
 */
export const SSM_CONV_OP: InlineOp = { how: 'inline', check: checkConv, compute: convolve };

function checkConv(node: OpShape): string | undefined {
  const [x, w] = node.src;
  if (!x || !w) return `source ${x ? 1 : 0} is missing`;
  const tokens = x.ne[0] - w.ne[0] + 1;
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needFloatResult(node),
    tokens < 0 && `${x.ne[0]} steps of time are too few for ${w.ne[0]} taps`,
    needExtents(node, 1, [w.ne[0], x.ne[1], 1, 1]),
    needResult(node, [x.ne[1], tokens, x.ne[2], 1]),
  );
}

function convolve(call: OpCall): void {
  const source = sourceOf(call, 0);
  const weight = sourceOf(call, 1);
  const [channels, tokens, sequences] = call.dst.ne;
  const taps = weight.ne[0];
  const r = intermediateRounding(call.arithmetic);
  const x = new Float32Array(source.ne[0]);
  const w = gatherF32(weight);
  const y = new Float32Array(channels * tokens);
  for (let s = 0; s < sequences; s++) {
    for (let c = 0; c < channels; c++) {
      source.readRow(c, s, 0, x, 0);
      for (let t = 0; t < tokens; t++) {
        let sum = 0;
        for (let i = 0; i < taps; i++) sum = r(sum + r((x[t + i] as number) * (w[c * taps + i] as number)));
        y[t * channels + c] = sum;
      }
    }
    for (let t = 0; t < tokens; t++) call.dst.writeRow(t, s, 0, y, t * channels);
  }
}

/**
 * The selective scan of Mamba. Per channel of a head, for every token, with d = softplus(dt):
 *
 *     state[n] = state[n] · e^(d A[n]) + B[n] · (x d),   y = Σ_n state[n] · C[n]
 *
 * Sources: states [n, channel, head, slot], x [channel, head, token, sequence], dt [head, token, sequence],
 * A [n, head] (Mamba-1) or [1, head] (Mamba-2), B and C [n, group, token, sequence] with groups of neighbouring heads,
 * the slot of each sequence's first state. op_params[0]: K, how many states to return.
 * Result, in one row: y as x, then K times the states [n, channel, head, sequence]: after the last token, after the one
 * before it, …
 */
export const SSM_SCAN_OP: InlineOp = { how: 'inline', check: checkScan, compute: scan };

function checkScan(node: OpShape): string | undefined {
  const [states, x, , decay, b] = node.src;
  if (!states || !x || !decay || !b) return 'a source is missing';
  const [size, channels, heads] = states.ne;
  const [, , tokens, sequences] = x.ne;
  const snapshots = intParam(node.opParams, 0);
  const groups = b.ne[1];
  const perToken: Dims = [size, groups, tokens, sequences];
  const count = channels * heads * sequences * (tokens + snapshots * size);
  return firstOf(
    ...[0, 1, 2, 3, 4, 5].map((i) => needDecodable(node, i)),
    needIndices(node, 6),
    needFloatResult(node),
    needExtents(node, 1, [channels, heads, tokens, sequences]),
    needExtents(node, 2, [heads, tokens, sequences, 1]),
    needExtents(node, 3, [decay.ne[0] === 1 ? 1 : size, heads, 1, 1]),
    needExtents(node, 4, perToken),
    needExtents(node, 5, perToken),
    needExtents(node, 6, [sequences, 1, 1, 1]),
    (groups === 0 || heads % groups !== 0) && `${heads} heads in ${groups} groups`,
    needSnapshots(snapshots, tokens),
    needResult(node, [count, 1, 1, 1]),
  );
}

/** ggml leaves the states of tokens that do not exist unwritten: whatever was in that memory before. */
export function needSnapshots(snapshots: number, tokens: number): string | undefined {
  if (snapshots >= 1 && snapshots <= tokens) return undefined;
  return `${snapshots} states of ${tokens} tokens are asked for`;
}

/** One cell of the scan: a channel of a head, at one token of one sequence. Offsets count elements. */
interface Cell {
  /** Of the channel's state in `state`. */
  readonly state: number;
  /** What each element of the state keeps. */
  readonly decay: Intermediates;
  /** Of the token's and group's vectors in B and C. */
  readonly group: number;
  /** x · d */
  readonly input: number;
}

function scan(call: OpCall): void {
  const states = sourceOf(call, 0);
  const [size, channels, heads] = states.ne;
  const [, , tokens, sequences] = sourceOf(call, 1).ne;
  const gather = (i: number): Float32Array => gatherF32(sourceOf(call, i));
  const [x, dt, a, b, c] = [gather(1), gather(2), gather(3), gather(4), gather(5)];
  const decays = sourceOf(call, 3).ne[0];
  const groups = sourceOf(call, 4).ne[1];
  const r = intermediateRounding(call.arithmetic);
  const step = scanStep(call, b, c);
  const softplus = softplusOf(call.arithmetic);
  const out = new Float32Array(call.dst.ne[0]);
  const perSequence = size * channels * heads;
  const decay = intermediates(call.arithmetic, size);
  for (let s = 0; s < sequences; s++) {
    const state = firstState(call, s, perSequence);
    for (let t = 0; t < tokens; t++) {
      const token = s * tokens + t;
      for (let h = 0; h < heads; h++) {
        const d = softplus(dt[token * heads + h] as number);
        for (let n = 0; n < size; n++) decay[n] = Math.exp(r(d * (a[h * decays + (n % decays)] as number)));
        const group = (token * groups + Math.floor(h / (heads / groups))) * size;
        for (let i = 0; i < channels; i++) {
          const at = (token * heads + h) * channels + i;
          const cell = { state: (h * channels + i) * size, decay, group, input: r((x[at] as number) * d) };
          out[at] = step(state, cell);
        }
      }
      const back = tokens - 1 - t;
      if (back < intParam(call.opParams, 0)) out.set(state, x.length + (back * sequences + s) * perSequence);
    }
  }
  call.dst.writeRow(0, 0, 0, out, 0);
}

/** Advances a channel's state by one token and gives y. */
function scanStep(call: OpCall, b: Float32Array, c: Float32Array): (state: Intermediates, cell: Cell) => number {
  const size = sourceOf(call, 0).ne[0];
  const kept = intermediates(call.arithmetic, size);
  const added = intermediates(call.arithmetic, size);
  return (state, { state: at, decay, group, input }) => {
    let y = 0;
    for (let n = 0; n < size; n++) {
      kept[n] = (state[at + n] as number) * (decay[n] as number);
      added[n] = (b[group + n] as number) * input;
      state[at + n] = (kept[n] as number) + (added[n] as number);
      y += (state[at + n] as number) * (c[group + n] as number);
    }
    return y;
  };
}

/** The state of sequence `s` before its first token. */
function firstState(call: OpCall, s: number, length: number): Intermediates {
  const states = sourceOf(call, 0);
  const [size, channels, heads, slots] = states.ne;
  const slot = sourceOf(call, 6).readIndex(s, 0, 0, 0);
  if (!(slot >= 0 && slot < slots)) throw new QuarrelError(`${call.kind}: state ${slot} of ${slots}`);
  const row = new Float32Array(size);
  const state = intermediates(call.arithmetic, length);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < channels; i++) {
      states.readRow(i, h, slot, row, 0);
      state.set(row, (h * channels + i) * size);
    }
  }
  return state;
}

/** log(1 + e^x), from 20 on x itself: `ggml_compute_softplus_f32`, whose sum loses e^x below −17. */
function softplusOf(arithmetic: Arithmetic): (x: number) => number {
  if (arithmetic !== 'ggml') return (x) => (x > 20 ? x : Math.log1p(Math.exp(x)));
  const r = Math.fround;
  return (x) => (x > 20 ? x : r(Math.log(r(1 + r(Math.exp(x))))));
}
