import type { Hypothesis, Variant } from '../../hypothesis';
import { F16_MAX, toF16 } from '../../narrow-floats';
import type { RowRule } from './soft-max-rows';
import { divide, logits, softMaxRows } from './soft-max-rows';

/** Range of what an engine computes exp and sum in. */
export const SOFT_MAX_RANGE: Hypothesis = {
  id: 'soft-max-range',
  title: 'soft-max over- or underflows',
  explanation:
    'exp(z) without its maximum subtracted overflows above z = 88 in f32, above 11 in f16, and its sum underflows to 0 ' +
    'where all scores are far below 0: rows become NaN, Inf or 0. In f16 also the sum loses small terms.',
  whereToLook:
    'Whether soft-max subtracts the row’s maximum before exp, the type of exp and sum, and 1/sum of a subnormal sum.',
  citations: [
    'ggml-org/llama.cpp#13991',
    'ggml-org/llama.cpp#27413',
    'ggml-org/llama.cpp#12776',
    'ggml-org/llama.cpp#10723',
  ],
  catalogue: [20, 23],
  generality: 1,
  byRange: true,
  *variants(site) {
    if (site.node.kind !== 'SOFT_MAX') return;
    yield variant('no maximum subtracted, f32', unshifted(Math.fround));
    yield variant('no maximum subtracted, f16', unshifted(toF16));
    yield variant('f16 throughout', shifted(toF16));
    yield variant('scores clamped to the f16 range', (row, out) => {
      logits(row, out);
      for (let k = 0; k < out.length; k++) out[k] = Math.max(-F16_MAX, Math.min(F16_MAX, out[k] as number));
      let max = row.sink;
      for (let k = 0; k < out.length; k++) max = Math.max(max, out[k] as number);
      powersIn(row.sink, out, max, (x) => x);
    });
    yield variant('maximum starts at 0', (row, out) => {
      const max = Math.max(0, logits(row, out));
      powersIn(row.sink, out, max, Math.fround);
    });
  },
};

function variant(label: string, rule: RowRule): Variant {
  return { label, parameters: { range: label }, predict: (s) => softMaxRows(s, rule) };
}

function unshifted(round: (x: number) => number): RowRule {
  return (row, out) => {
    logits(row, out);
    for (let k = 0; k < out.length; k++) out[k] = round(out[k] as number);
    powersIn(row.sink, out, 0, round);
  };
}

function shifted(round: (x: number) => number): RowRule {
  return (row, out) => {
    let max = logits(row, out);
    for (let k = 0; k < out.length; k++) out[k] = round(out[k] as number);
    max = round(max);
    powersIn(row.sink, out, max, round);
  };
}

/** exp, sum and quotient, each rounded; the sum term by term. */
function powersIn(sink: number, out: Float64Array, max: number, round: (x: number) => number): void {
  let sum = sink === -Infinity ? 0 : round(Math.exp(sink - max));
  for (let k = 0; k < out.length; k++) {
    const e = round(Math.exp(round((out[k] as number) - max)));
    out[k] = e;
    if (e !== 0) sum = round(sum + e);
  }
  divide(out, sum);
  for (let k = 0; k < out.length; k++) out[k] = round(out[k] as number);
}
