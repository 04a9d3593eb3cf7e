import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import { withFloatParam } from '../op-params';
import { editedMask, hasAlibi, maskOf, withMask } from './mask-site';
import { divide, logits, powers, softMaxRows } from './soft-max-rows';
import { evaluateChanged } from '../../site';

export const ALIBI_SLOPES: Hypothesis = {
  id: 'alibi-slopes',
  title: 'ALiBi is missing or has other slopes',
  explanation:
    'ALiBi subtracts slope × distance from each score, with one slope per head, 2^(−max_bias/n × (head + 1)). With other ' +
    'slopes, or none, near keys get too little or too much weight; the first token is right.',
  whereToLook:
    'The slope per head: does it count heads from 1, and what of heads beyond a power of two? Is max_bias the model’s?',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const mask = maskOf(site);
    if (!mask || !hasAlibi(site)) return;
    const maxBias = floatParam(site.node.opParams, 1);
    yield {
      label: 'no bias',
      parameters: { slopes: 'none' },
      predict: (s) =>
        withMask(
          s,
          editedMask(maskOf(s) ?? mask, (row) => {
            for (let k = 0; k < row.length; k++) if (row[k] !== -Infinity) row[k] = 0;
          }),
        ),
    };
    yield {
      label: 'slope 1 for all',
      parameters: { slopes: 1 },
      predict: (s) => evaluateChanged(s, { opParams: withFloatParam(s.node.opParams, 1, 0) }),
    };
    if (site.node.kind !== 'SOFT_MAX') return;
    yield sloped('counted from head 0', (head, heads) => 2 ** ((-maxBias / powerOfTwo(heads)) * head));
    yield sloped('no slopes in between', (head, heads) => 2 ** ((-maxBias / heads) * (head + 1)));
    yield sloped('heads in reverse', (head, heads) => 2 ** ((-maxBias / powerOfTwo(heads)) * (heads - head)));
    yield sloped('negative', (head, heads) => -(2 ** ((-maxBias / powerOfTwo(heads)) * (head + 1))));
  },
};

function powerOfTwo(heads: number): number {
  return 2 ** Math.floor(Math.log2(heads));
}

function sloped(label: string, slopeOf: (head: number, heads: number) => number): Variant {
  return {
    label,
    parameters: { slopes: label },
    predict: (s) =>
      softMaxRows(s, (row, out) => {
        const slope = slopeOf(row.head, row.heads);
        const mask = slope < 0 ? row.mask.map((m) => (m === -Infinity ? Infinity : m)) : row.mask;
        const max = logits({ ...row, mask, slope }, out);
        divide(out, powers(out, max, row.sink));
      }),
  };
}
