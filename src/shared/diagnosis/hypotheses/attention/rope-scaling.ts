import type { RopeParams } from '../../../ops/rope-angles';
import type { Hypothesis, Variant } from '../../hypothesis';
import { withFloatParam } from '../op-params';
import { magnitudeOf, ROPE_PARAM, ropeOf, withMagnitude, withRopeParams } from './rope-site';

type Edit = (opParams: readonly number[]) => readonly number[];

/** Parts of linear and YaRN scaling left out, inverted or applied twice. */
export const ROPE_SCALING: Hypothesis = {
  id: 'rope-scaling',
  title: 'RoPE context scaling (linear, YaRN) is not applied right',
  explanation:
    'For long contexts angles are multiplied by freq_scale, by YaRN only those of low frequencies, and rotated values ' +
    'by a magnitude (mscale). With a part missing or inverted, position 0 is right, or off by one factor, and later ones drift.',
  whereToLook:
    'rope.scaling.* of the model: is freq_scale 1/factor, is the ramp between beta_fast and beta_slow there, and is the ' +
    'magnitude 0.1·ln(factor)+1 applied exactly once?',
  citations: ['onnxruntime/mobius#548', 'ggml-org/llama.cpp#17945', 'kekzl/imp#880'],
  catalogue: [28],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p) return;
    yield* scaleVariants(p);
    yield* magnitudeVariants(p);
  },
};

function* scaleVariants(p: RopeParams): Iterable<Variant> {
  const m = magnitudeOf(p);
  const { scale, ext, attn, fast, slow } = ROPE_PARAM;
  const right = p.freqScale;
  const keeping =
    (edit: Edit): Edit =>
    (o) =>
      withMagnitude(edit(o), m);
  if (right !== 1) {
    yield variant(
      'frequency scale ignored',
      { freq_scale: 1, right },
      keeping((o) => withFloatParam(o, scale, 1)),
    );
    const inverse = 1 / right;
    yield variant(
      'frequency scale inverted',
      { freq_scale: inverse, right },
      keeping((o) => withFloatParam(o, scale, inverse)),
    );
    const square = right * right;
    yield variant(
      'frequency scale twice',
      { freq_scale: square, right },
      keeping((o) => withFloatParam(o, scale, square)),
    );
  }
  if (p.extFactor === 0) return;
  yield variant(
    'ext_factor ignored',
    { ext_factor: 0, right: p.extFactor },
    keeping((o) => withFloatParam(o, ext, 0)),
  );
  yield variant('beta_fast and beta_slow swapped', { beta_fast: p.betaSlow, right: p.betaFast }, (o) =>
    withFloatParam(withFloatParam(o, fast, p.betaSlow), slow, p.betaFast),
  );
  yield variant('YaRN ignored', { freq_scale: 1, right }, (o) =>
    withFloatParam(withFloatParam(withFloatParam(o, scale, 1), ext, 0), attn, 1),
  );
}

function* magnitudeVariants(p: RopeParams): Iterable<Variant> {
  const m = magnitudeOf(p);
  const yarn = p.extFactor === 0 ? 1 : 1 + 0.1 * Math.log(1 / p.freqScale);
  const others: readonly (readonly [string, number])[] = [
    ['magnitude missing', 1],
    ['magnitude squared', m * m],
    ['magnitude inverted', 1 / m],
    ['attn_factor ignored', yarn],
    ['mscale of YaRN missing', p.attnFactor],
    ['mscale of YaRN twice', m * yarn],
  ];
  const seen = [m];
  for (const [label, magnitude] of others) {
    if (seen.some((x) => Math.abs(x / magnitude - 1) < 1e-6)) continue;
    seen.push(magnitude);
    yield variant(label, { magnitude, right: m }, (o) => withMagnitude(o, magnitude));
  }
}

function variant(label: string, parameters: Variant['parameters'], edit: Edit): Variant {
  return { label, parameters, predict: (s) => withRopeParams(s, edit(s.node.opParams)) };
}
