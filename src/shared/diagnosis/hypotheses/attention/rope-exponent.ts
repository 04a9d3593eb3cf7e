import type { Hypothesis, Variant } from '../../hypothesis';
import { withFloatParam } from '../op-params';
import { ROPE_PARAM, ropeOf, withRopeParams } from './rope-site';

export const ROPE_EXPONENT: Hypothesis = {
  id: 'rope-exponent',
  title: 'RoPE frequencies fall with a wrong exponent',
  explanation:
    'Pair i turns with base^(−2i/n), n the number of rotated channels. A lost or doubled factor 2, or the head size in ' +
    'place of n, gives every pair but the first another frequency.',
  whereToLook:
    'The line that computes the inverse frequencies: does i count pairs or channels, and is n the number of rotated ' +
    'channels or the size of the head?',
  citations: [],
  catalogue: [29],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p || p.freqBase === 1) return;
    const [channels] = site.node.ne;
    const variant = (label: string, power: number): Variant => ({
      label,
      parameters: { exponent: label, right: '-2i/n' },
      predict: (s) => withRopeParams(s, withFloatParam(s.node.opParams, ROPE_PARAM.base, p.freqBase ** power)),
    });
    yield variant('-i/n', 0.5);
    yield variant('-4i/n', 2);
    if (p.dims !== channels) yield variant('-2i/head size', p.dims / channels);
    yield variant('+2i/n', -1);
  },
};
