import type { Hypothesis } from '../../hypothesis';
import { withFloatParam } from '../op-params';
import { ROPE_PARAM, ropeOf, withRopeParams } from './rope-site';

/** Bases of published models, most common first. */
const LIKELY = [1e4, 5e5, 1e6, 8e6, 1e5, 5e6, 1e7, 2.5e5, 1.5e5, 1.6e5, 3.2e6, 1e8, 1.1e7, 5e4, 2e4, 4e4];

export const ROPE_BASE: Hypothesis = {
  id: 'rope-base',
  title: 'RoPE uses another frequency base',
  explanation:
    'The angle of pair i is position × base^(−2i/n). With another base the first pair stays right and the others turn ' +
    'too fast or too slow, the more the further the position.',
  whereToLook:
    'Where rope.freq_base comes from: the metadata of this model, a default of 10000, or the base of another kind of ' +
    'layer (sliding-window layers often have one of their own).',
  citations: [],
  catalogue: [],
  generality: 2,
  *variants(site) {
    const p = ropeOf(site);
    if (!p) return;
    yield {
      label: 'another base',
      from: 100,
      to: 1e9,
      spacing: 'log',
      likely: LIKELY.filter((base) => base !== p.freqBase),
      at: (base) => ({
        label: 'another base',
        parameters: { base, right: p.freqBase },
        predict: (s) => withRopeParams(s, withFloatParam(s.node.opParams, ROPE_PARAM.base, base)),
      }),
    };
  },
};
