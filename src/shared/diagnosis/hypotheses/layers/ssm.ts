import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, sourceTensor, valuesOf } from '../../site';
import { operand } from './operands';
import type { ScanMistakes } from './ssm-scan';
import { scanned } from './ssm-scan';

export const SSM_CONVOLUTION: Hypothesis = {
  id: 'ssm-convolution',
  title: 'causal convolution misaligned or reversed',
  explanation:
    'The short convolution before the scan reads its taps in the wrong order, one step off in time, or without the ' +
    'inputs kept from before.',
  whereToLook:
    'Tap 0 belongs to the oldest input. Whether the state holds the last taps − 1 inputs and is shifted after each step.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'SSM_CONV') return;
    const taps = sourceTensor(site, 1)?.ne[0] ?? 1;
    const right = 'oldest input first';
    const withTaps = (label: string, tap: (w: Float32Array, from: number, i: number) => number): Variant => ({
      label,
      parameters: { taps: label, right },
      predict: (s) => {
        const w = operand(s, 1);
        if (!w) return s.right;
        const changed = w.map((_, at) => tap(w, at - (at % taps), at % taps));
        return evaluateChanged(s, { sources: new Map([[1, changed]]) });
      },
    });
    yield withTaps('reversed', (w, from, i) => w[from + taps - 1 - i]!);
    yield withTaps('last tap only', (w, from, i) => (i === taps - 1 ? w[from + i]! : 0));
    yield withTaps('oldest tap left out', (w, from, i) => (i === 0 ? 0 : w[from + i]!));
    yield withTaps('newest tap left out', (w, from, i) => (i === taps - 1 ? 0 : w[from + i]!));
    yield withTaps('those of the first channel', (w, _, i) => w[i]!);
    const withInputs = (
      label: string,
      input: (x: Float32Array, from: number, t: number, width: number) => number,
    ): Variant => ({
      label,
      parameters: { inputs: label, right: 'state, then tokens' },
      predict: (s) => evaluateChanged(s, { sources: new Map([[0, shiftedInputs(s, input)]]) }),
    });
    yield withInputs('one step early', (x, from, t) => (t === 0 ? 0 : x[from + t - 1]!));
    yield withInputs('one step late', (x, from, t, width) => (t + 1 < width ? x[from + t + 1]! : 0));
    if (!hasState(site, taps)) return;
    yield withInputs('state taken as zero', (x, from, t) => (t < taps - 1 ? 0 : x[from + t]!));
    yield withInputs('state in reverse order', (x, from, t) => x[from + (t < taps - 1 ? taps - 2 - t : t)]!);
  },
};

/** Whether anything but zeros is kept from before. */
function hasState(site: Site, taps: number): boolean {
  const width = sourceTensor(site, 0)?.ne[0] ?? 1;
  return valuesOf(site, 0).some((v, i) => i % width < taps - 1 && v !== 0);
}

function shiftedInputs(
  site: Site,
  input: (x: Float32Array, from: number, t: number, width: number) => number,
): Float32Array {
  const x = valuesOf(site, 0);
  const width = sourceTensor(site, 0)?.ne[0] ?? 1;
  return x.map((_, at) => input(x, at - (at % width), at % width, width));
}

const SCAN_MISTAKES: readonly (readonly [string, string, ScanMistakes])[] = [
  ['softplus of dt missing', 'd = dt', { step: (dt) => dt }],
  ['exp instead of softplus', 'd = e^dt', { step: Math.exp }],
  ['sign of A', 'e^(−d A)', { decay: (d, a) => Math.exp(-d * a) }],
  ['A taken for its logarithm', 'e^(−d e^A)', { decay: (d, a) => Math.exp(-d * Math.exp(a)) }],
  ['no decay', 'state kept whole', { decay: () => 1 }],
  ['state not multiplied by dt', 'e^A', { decay: (_, a) => Math.exp(a) }],
  ['decay to first order', '1 + d A', { decay: (d, a) => 1 + d * a }],
  ['input not multiplied by dt', 'B x', { input: (x) => x }],
  ['state zero at the start', 'state 0', { fresh: 'start' }],
  ['state not carried from token to token', 'state 0 for each token', { fresh: 'token' }],
  ['B and C swapped', 'B for C', { swapped: true }],
  ['read before the update', 'y from the state before', { readFirst: true }],
  ['groups tiled instead of repeated', 'head mod groups', { tiled: true }],
];

export const SSM_SCAN: Hypothesis = {
  id: 'ssm-scan',
  title: 'selective scan with a step missing',
  explanation:
    'A part of the recurrence state = state · e^(d A) + B x d, y = state · C with d = softplus(dt) is left out or done ' +
    'otherwise. The first token may be right where the state is zero; later ones drift.',
  whereToLook:
    'The scan kernel: softplus of dt (its bias added before), A as stored (negative), the state kept per token.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'SSM_SCAN') return;
    const groups = sourceTensor(site, 4)?.ne[1] ?? 1;
    const heads = sourceTensor(site, 0)?.ne[2] ?? 1;
    const startsAtZero = valuesOf(site, 0).every((v) => v === 0);
    for (const [label, done, mistakes] of SCAN_MISTAKES) {
      if (mistakes.tiled && (groups === 1 || groups === heads)) continue;
      if (mistakes.fresh === 'start' && startsAtZero) continue;
      yield {
        label,
        parameters: { done, right: 'state · e^(d A) + B x d, d = softplus(dt)' },
        predict: (s) => scanned(s, mistakes) ?? s.right,
      };
    }
  },
};
