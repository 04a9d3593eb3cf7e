import type { Hypothesis, Variant } from '../../hypothesis';
import { evaluateChanged, valuesOf } from '../../site';
import { F16_MAX, narrowed, toBf16, toF16 } from '../../narrow-floats';
import { evaluateAsIs } from './source-values';

/** The result, not the sum, in 16 bits. */
export const HALF_RESULTS: Hypothesis = {
  id: 'f16-results',
  title: 'the result is stored in 16 bits',
  explanation:
    'Sums are right, but their store rounds them to f16 or bf16; past 65504 f16 is infinite, or stops there where the ' +
    'store saturates. Scores of large Q and K are the usual victims: soft-max then gives NaN.',
  whereToLook: 'The type of the buffer between the kernels: scores and residuals of some models pass the range of f16.',
  citations: [
    'ggml-org/llama.cpp#27321',
    'ggml-org/llama.cpp#25748',
    'ggml-org/llama.cpp#7805',
    'ggml-org/llama.cpp#8412',
  ],
  catalogue: [17, 19],
  generality: 1,
  byRange: true,
  rounds: ({ stored }) => ({
    part: stored === undefined ? 'activations' : 'results',
    to: stored === 'bf16' ? 'BF16' : 'F16',
  }),
  *variants(site) {
    const { kind } = site.node;
    if (kind !== 'MUL_MAT' && kind !== 'MUL_MAT_ID' && kind !== 'FLASH_ATTN_EXT' && kind !== 'SOFT_MAX') return;
    yield stored('f16', toF16);
    yield stored('f16, saturating', (x) => toF16(Math.max(-F16_MAX, Math.min(F16_MAX, x))));
    yield stored('bf16', toBf16);
    if (kind === 'MUL_MAT') {
      yield {
        label: 'inputs in f16',
        parameters: { activations: 'f16', right: 'f32' },
        predict: (s) => evaluateChanged(s, { sources: new Map([[1, narrowed(valuesOf(s, 1), toF16)]]) }),
      };
    }
  },
};

function stored(label: string, round: (x: number) => number): Variant {
  return { label, parameters: { stored: label, right: 'f32' }, predict: (s) => narrowed(evaluateAsIs(s), round) };
}
