import type { Hypothesis, Variant } from '../hypothesis';
import { evaluateChanged } from '../site';
import { withFloatParam } from './op-params';
import { floatParam } from '../../ops/op';

/** SOFT_MAX and FLASH_ATTN_EXT: op_params[0] is the scale of the scores. */
export const ATTENTION_SCALE: Hypothesis = {
  id: 'attention-scale',
  title: 'attention scores are scaled by another factor',
  explanation:
    'Scores Q·K are multiplied by a scale (1/√head_dim in most models) before soft-max. With another factor every ' +
    'probability is wrong wherever more than one key is visible; the first token, which sees one key, stays right.',
  whereToLook:
    'Where scores are scaled: is the factor applied once, and is it the one of the model (head_dim of this model, ' +
    'query_pre_attn_scalar, attention multiplier, YaRN factor)?',
  citations: ['onnxruntime/mobius#548', 'kekzl/imp#880'],
  catalogue: [28],
  generality: 1,
  *variants(site) {
    const { kind, opParams } = site.node;
    if (kind !== 'SOFT_MAX' && kind !== 'FLASH_ATTN_EXT') return;
    const right = floatParam(opParams, 0);
    const at = (scale: number, label: string): Variant => ({
      label,
      parameters: { scale, right },
      predict: (s) => evaluateChanged(s, { opParams: withFloatParam(opParams, 0, scale) }),
    });
    if (right !== 1) yield at(1, 'none');
    yield at(right * right, 'twice');
    yield at(Math.sqrt(right), 'root');
  },
};
