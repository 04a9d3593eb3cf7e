import type { Hypothesis } from '../../hypothesis';
import { evaluateChanged } from '../../site';
import { hasFactors, ropeOf } from './rope-site';
import { allValuesOf } from './source-values';

export const ROPE_FACTORS: Hypothesis = {
  id: 'rope-frequency-factors',
  title: 'RoPE frequency factors are not applied right',
  explanation:
    'Long-context models carry one factor per pair of channels (rope_freqs, rope_factors_short and _long) that divides ' +
    'its angle. Where they are ignored or multiplied, pairs of low frequency drift, the more the further the position.',
  whereToLook:
    'Whether your engine reads rope_freqs.weight (or rope_factors_*) and divides each angle by its factor, and which of ' +
    'the short and long factors it takes.',
  citations: ['ggml-org/llama.cpp#8676', 'jmaczan/tiny-vllm#1'],
  catalogue: [27],
  generality: 1,
  *variants(site) {
    if (!ropeOf(site) || !hasFactors(site)) return;
    const factors = allValuesOf(site, 2);
    if (factors.every((f) => f === 1)) return;
    const variant = (label: string, change: (f: number, i: number) => number) => ({
      label,
      parameters: { factors: label, right: 'divide the angle' },
      predict: (s: typeof site) => evaluateChanged(s, { sources: new Map([[2, factors.map(change)]]) }),
    });
    yield variant('ignored', () => 1);
    yield variant('multiplied', (f) => 1 / f);
    yield variant('squared', (f) => f * f);
    yield variant('in reverse order', (_, i) => factors[factors.length - 1 - i] as number);
  },
};
