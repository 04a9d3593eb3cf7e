import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import { evaluateChanged } from '../../site';
import { withFloatParam } from '../op-params';
import { isNorm } from './norm-site';

/** Epsilons that models and engines use. */
const LIKELY = [1e-5, 1e-6, 1e-8, 1e-12, 1e-3, 1e-4, 1e-7, 2e-5, 1e-10];

export const NORM_EPSILON: Hypothesis = {
  id: 'norm-epsilon',
  title: 'norm with another epsilon',
  explanation:
    'The epsilon under the root of the norm differs from the model’s. All values of a row are off by one factor, most ' +
    'where the row is small: in the first norm, right after the embedding.',
  whereToLook:
    'Where the norm’s epsilon is read: attention.layer_norm_rms_epsilon or attention.layer_norm_epsilon of the model, ' +
    'not a constant, and the same for norms of heads, layers and output.',
  citations: ['ggml-org/llama.cpp#2373', 'nntrainer/nntrainer#4318', 'ggml-org/llama.cpp#20350'],
  catalogue: [32],
  generality: 1,
  *variants({ node: { kind, opParams } }) {
    if (!isNorm(kind)) return;
    const index = kind === 'GROUP_NORM' ? 1 : 0;
    const right = floatParam(opParams, index);
    const at = (epsilon: number, label: string): Variant => ({
      label,
      parameters: { epsilon, right },
      predict: (s) => evaluateChanged(s, { opParams: withFloatParam(opParams, index, epsilon) }),
    });
    if (right !== 0) yield at(0, 'none');
    const likely = LIKELY.filter((e) => Math.abs(e - right) > 1e-3 * right);
    yield { label: 'another', from: 1e-12, to: 0.1, spacing: 'log', likely, at: (e) => at(e, 'another') };
  },
};
