import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { RowRule } from './soft-max-rows';
import { divide, logits, powers, softMaxRows } from './soft-max-rows';
import { valuesOf } from '../../site';

export const SOFT_MAX_FORMULA: Hypothesis = {
  id: 'soft-max-formula',
  title: 'soft-max is normalised wrongly',
  explanation:
    'Soft-max divides exp(z − max) by its sum over all keys that a token sees. Here the sum is missing, has an extra ' +
    'term, counts masked keys, or runs over another dimension; ratios between keys may stay right.',
  whereToLook:
    'The sum of your soft-max: what it starts from, over which keys and which dimension it runs, and that it divides once.',
  citations: ['ggml-org/llama.cpp#13991', 'ggml-org/llama.cpp#27413'],
  catalogue: [23],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'SOFT_MAX') return;
    yield byRow('not normalised', (row, out) => {
      powers(out, logits(row, out), row.sink);
    });
    yield byRow('1 added to the sum', (row, out) => {
      divide(out, 1 + powers(out, logits(row, out), row.sink));
    });
    yield byRow('exp(−max) added to the sum (softmax1)', (row, out) => {
      const max = logits(row, out);
      divide(out, Math.exp(-max) + powers(out, max, row.sink));
    });
    yield byRow('powers of 2', (row, out) => {
      const max = logits(row, out);
      divide(
        out,
        powers(out, max, row.sink, (x) => 2 ** x),
      );
    });
    yield byRow('divided by the root of the sum of squares', (row, out) => {
      powers(out, logits(row, out), row.sink);
      let squares = 0;
      for (let k = 0; k < out.length; k++) squares += (out[k] as number) ** 2;
      divide(out, Math.sqrt(squares));
    });
    yield byRow('no exponential', (row, out) => {
      logits(row, out);
      let sum = 0;
      for (let k = 0; k < out.length; k++) {
        if (out[k] === -Infinity) out[k] = 0;
        sum += out[k] as number;
      }
      divide(out, sum);
    });
    if (site.node.src[1] !== undefined) {
      yield byRow('masked keys count in the sum', maskedInSum);
      yield byRow('masked keys get score 0', maskedAsZero);
    }
    if (site.node.ne[1] > 1) {
      yield { label: 'over queries', parameters: { sum: 'over queries', right: 'over keys' }, predict: overQueries };
    }
  },
};

function byRow(label: string, rule: RowRule): Variant {
  return { label, parameters: { sum: label }, predict: (s) => softMaxRows(s, rule) };
}

/** As if they were seen, but with probability 0. */
const maskedInSum: RowRule = (row, out) => {
  const { scaled, mask, slope, sink } = row;
  let max = sink;
  for (let k = 0; k < out.length; k++) {
    const bias = mask[k] as number;
    out[k] = (scaled[k] as number) + (bias === 0 || bias === -Infinity ? 0 : slope * bias);
    max = Math.max(max, out[k] as number);
  }
  divide(out, powers(out, max, sink));
  for (let k = 0; k < out.length; k++) if (mask[k] === -Infinity) out[k] = 0;
};

/** Scores multiplied by 0 in place of −∞ added. */
const maskedAsZero: RowRule = (row, out) => {
  logits(row, out);
  let max = row.sink;
  for (let k = 0; k < out.length; k++) {
    if (row.mask[k] === -Infinity) out[k] = 0;
    max = Math.max(max, out[k] as number);
  }
  divide(out, powers(out, max, row.sink));
};

/** Normalised over dimension 1: each key's column adds up to 1. */
function overQueries(site: Site): Float32Array {
  const [keys, tokens] = site.node.ne;
  const out = softMaxRows(site, (row, z) => {
    logits(row, z);
  });
  const plane = keys * tokens;
  for (let start = 0; start < valuesOf(site, 0).length; start += plane) {
    for (let k = start; k < start + keys; k++) {
      let max = -Infinity;
      for (let i = k; i < start + plane; i += keys) max = Math.max(max, out[i] as number);
      let sum = 0;
      for (let i = k; i < start + plane; i += keys) sum += max === -Infinity ? 0 : Math.exp((out[i] as number) - max);
      for (let i = k; i < start + plane; i += keys) out[i] = sum === 0 ? 0 : Math.exp((out[i] as number) - max) / sum;
    }
  }
  return out;
}
