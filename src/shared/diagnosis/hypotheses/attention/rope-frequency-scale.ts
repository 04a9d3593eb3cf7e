import type { Hypothesis } from '../../hypothesis';
import { withFloatParam } from '../op-params';
import { magnitudeOf, ROPE_PARAM, ropeOf, withMagnitude, withRopeParams } from './rope-site';

const LIKELY = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 40, 1 / 64, 1 / 128, 2, 4, 8, 16, 32, 1];

export const ROPE_FREQUENCY_SCALE: Hypothesis = {
  id: 'rope-frequency-scale',
  title: 'RoPE multiplies all angles with another factor',
  explanation:
    'All angles are too large or too small by one factor, as if positions were counted in other steps. Position 0 is ' +
    'right and the error grows with the position.',
  whereToLook:
    'rope.scaling.factor and its kind (none, linear, yarn): freq_scale is 1/factor, and 1 where there is none.',
  citations: ['ggml-org/llama.cpp#17945'],
  catalogue: [28],
  generality: 2,
  *variants(site) {
    const p = ropeOf(site);
    if (!p) return;
    const m = magnitudeOf(p);
    yield {
      label: 'another scale',
      from: 1 / 256,
      to: 64,
      spacing: 'log',
      likely: LIKELY.filter((scale) => scale !== p.freqScale),
      at: (scale) => ({
        label: 'another scale',
        parameters: { freq_scale: scale, right: p.freqScale },
        predict: (s) => withRopeParams(s, withMagnitude(withFloatParam(s.node.opParams, ROPE_PARAM.scale, scale), m)),
      }),
    };
  },
};
