import type { Hypothesis } from '../../hypothesis';
import { evaluateChanged, valuesOf } from '../../site';
import { ropeOf } from './rope-site';
import { evaluateAsIs } from './source-values';

const WHERE = 'Where your engine rotates Q and K: exactly once each, before K is cached, with the sign of the formula.';

export const ROPE_SKIPPED: Hypothesis = {
  id: 'rope-skipped',
  title: 'RoPE is not applied',
  explanation: 'Values pass unrotated, as if every token stood at position 0, where the result is right.',
  whereToLook: WHERE,
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (!ropeOf(site)) return;
    yield { label: 'not rotated', parameters: { rotations: 0, right: 1 }, predict: (s) => valuesOf(s, 0) };
  },
};

export const ROPE_TWICE: Hypothesis = {
  id: 'rope-twice',
  title: 'RoPE is applied twice',
  explanation: 'Values are rotated by twice the angle, as when cached keys are rotated again. Position 0 is right.',
  whereToLook: WHERE,
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (!ropeOf(site)) return;
    yield {
      label: 'rotated twice',
      parameters: { rotations: 2, right: 1 },
      predict: (s) => evaluateChanged(s, { sources: new Map([[0, evaluateAsIs(s)]]) }),
    };
  },
};

export const ROPE_DIRECTION: Hypothesis = {
  id: 'rope-direction',
  title: 'RoPE rotates the other way round',
  explanation:
    'The sign of the sine is swapped, so pairs turn by −θ. Where both Q and K do so, scores among them stay right and only ' +
    'what mixes with rightly rotated keys goes wrong.',
  whereToLook: 'The sign of the sine: x0·cos − x1·sin in the first channel of a pair, x0·sin + x1·cos in the second.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (!ropeOf(site)) return;
    yield {
      label: 'rotated by −θ',
      parameters: { direction: -1, right: 1 },
      predict: (s) => evaluateChanged(s, { kind: 'ROPE_BACK' }),
    };
  },
};
