import { describe, expect, it } from 'vitest';
import { plainText, storyOf } from '../../src/renderer/ui/verdict/story';
import type { Rung } from '../../src/shared/divergence/checks';
import type { Verdict } from '../../src/shared/divergence/verdict';
import {
  NUMBERS,
  sampleBad,
  sampleCause,
  sampleEntry,
  sampleRounded,
  sampleShape,
  sampleStep,
  sampleVerdict,
} from './sample-verdict';

const texts = (verdict: Verdict): string[] => storyOf(verdict).map((line) => plainText(line.text));
const tones = (verdict: Verdict): string[] => storyOf(verdict).map((line) => line.tone);

const rung = (id: Rung['id'], title: string, state: Rung['state'], text = ''): Rung => ({
  id,
  title,
  state,
  text,
  details: [],
});
const paris = { token: 7042, text: ' Paris', logit: 17.344 };
const the = { token: 260, text: ' the', logit: 22.305 };
const logits = { reference: paris, candidate: the, kld: 7, sameTop: false, notNumbers: NUMBERS, gap: 2.5 };

describe('the story in five lines', () => {
  it('goes from what ran to the answer, with a proved cause', () => {
    const stretch = ['Qcur-0#1', 'kq-0'];
    const firstBad = sampleBad({ layer: 0, node: 'kqv_out-0', op: 'CONT', stretch, cause: sampleCause() });
    const preflight = [
      rung('tokens', 'Tokens', 'equal'),
      rung('types', 'Tensor types', 'not-measured'),
      rung('weights', 'Weights', 'equal'),
    ];
    const verdict = sampleVerdict({
      candidate: 'trace:/d/dump.safetensors',
      firstBad,
      logits,
      preflight,
      compared: 393,
    });
    expect(texts(verdict)).toEqual([
      'trace dump.safetensors against llama on 2 tokens of m.gguf: 393 of 4 nodes judged.',
      'Equal: tokens, weights. Not measured: tensor types.',
      'Layer 0, kqv_out-0 (CONT) (or one of the 2 nodes before it that the dump lacks): local error is 100000× the noise floor.',
      'Attention scores are scaled by another factor (scale 1, right 0.125): replayed, it reproduces 99.99 % of the error.',
      'The next token is " the" instead of " Paris" (logit 22.30 for 17.34).',
    ]);
    expect(tones(verdict)).toEqual(['plain', 'good', 'bad', 'bad', 'bad']);
    expect(storyOf(verdict)[2]?.text).toContainEqual({ name: 'kqv_out-0' });
  });

  it('says what the bug and the node alone do to the answer, as far as they were followed', () => {
    const effect = { kld: 11, sameTop: false, token: the, right: paris };
    const alone = { kld: 1e-5, sameTop: true, token: paris, right: paris };
    const firstBad = sampleBad({ effect: alone, cause: sampleCause() });
    const bugs = [{ step: 0, nodes: ['ffn_out-3', 'ffn_out-4'], cause: sampleCause(), effect }];
    expect(texts(sampleVerdict({ firstBad, logits, bugs }))[4]).toBe(
      'The next token is " the" instead of " Paris" (logit 22.30 for 17.34). ' +
        'This bug, at 2 nodes, turns " Paris" into " the" (KLD 11). ' +
        'ffn_out-3 alone changes no answer (KLD 1e-5; " Paris" stays).',
    );
    const decoded = sampleBad({ step: 1, effect: alone });
    expect(texts(sampleVerdict({ firstBad: decoded, logits }))[4]).toContain(
      'ffn_out-3 in decode step 1 alone changes',
    );
  });

  it('names the weight that the first bad node reads, and says what an unexplained error looks like', () => {
    const findings = [{ kind: 'sub-blocks', text: 'sub-blocks 4 to 7 are wrong' }];
    const bad = { tensor: 'blk.3.ffn_down.weight', tried: 41, shape: sampleShape({ wrongShare: 0.482, findings }) };
    const [, , wrong, why] = texts(sampleVerdict({ firstBad: sampleBad(bad) }));
    expect(wrong).toMatch(/^Layer 3, ffn_out-3 \(MUL_MAT\), which reads blk\.3\.ffn_down\.weight: /);
    expect(why).toBe(
      'Unexplained: none of the 41 ways to go wrong that were replayed reproduces it. 48 % of the elements are off: sub-blocks 4 to 7 are wrong.',
    );
  });

  it('does not call an error unexplained that nobody tried to explain', () => {
    const why = (bad: Parameters<typeof sampleBad>[0]): string | undefined =>
      texts(sampleVerdict({ firstBad: sampleBad(bad) }))[3];
    expect(why({})).toBe('Not known: the budget was spent before it could be looked at more closely.');
    expect(why({ shape: sampleShape() })).toBe(
      'Unexplained: no known way to go wrong applies here. 50 % of the elements are off.',
    );
  });

  it('says that the prompt is right where only cached decode is wrong', () => {
    const steps = [sampleStep(0, 'clean', [1, 2], 7), sampleStep(1, 'diverged', [7], 8)];
    const [ran, , wrong] = texts(sampleVerdict({ firstBad: sampleBad({ step: 1 }), steps }));
    expect(ran).toContain('2 tokens and 1 decode step');
    expect(wrong).toMatch(/^Decode step 1, layer 3, ffn_out-3 .* The prompt is right\.$/);
  });

  it('has five lines for a clean lane, and calls another token rounding there', () => {
    const verdict = sampleVerdict({ nearest: { node: 'step2/norm-0#0', ratio: 0.02 }, logits });
    expect(texts(verdict)).toEqual([
      'webgpu against llama on 2 tokens of m.gguf: 4 of 4 nodes judged.',
      'Nothing was checked before the layers.',
      'Nowhere: the node nearest to its limit, norm-0#0 in decode step 2, is off by 0.02× its noise floor.',
      'Nothing to explain.',
      'The next token is " the" instead of " Paris" (logit 22.30 for 17.34). Rounding decides: every node is right.',
    ]);
    expect(tones(verdict)).toEqual(['plain', 'plain', 'good', 'good', 'doubt']);
  });

  it('has a line for what only rounds, and none where nothing does', () => {
    const rounded = ['kq-0', 'kq-1', 'kq-2', 'kq-3'].map((node) => sampleRounded(node));
    const verdict = sampleVerdict({ rounded, logits });
    expect(storyOf(verdict).map((line) => line.id)).toEqual(['ran', 'checked', 'wrong', 'why', 'rounding', 'effect']);
    expect(texts(verdict)[4]).toBe('4 nodes round (kq-0, kq-1, kq-2 and 1 more): activations in F16.');
    expect(tones(verdict)).toEqual(['plain', 'plain', 'good', 'good', 'rounded', 'doubt']);
    const text = 'computes in F16: 12 of 40 mat-muls round to it';
    const everywhere = { rounded: Array.from({ length: 12 }, (_, i) => sampleRounded(`kq-${i}`)) };
    const precision = { level: 'F16', declared: false, text } as const;
    const profile = [sampleEntry('kq-0', 0, { op: 'MUL_MAT' })];
    expect(texts(sampleVerdict({ ...everywhere, precision, profile }))[4]).toBe(`The candidate ${text}.`);
  });

  it('does not call rounding wrong where it counts', () => {
    const verdict = sampleVerdict({ verdict: 'diverged', strict: true, rounded: [sampleRounded('kq-0')] });
    expect(texts(verdict).slice(2, 4)).toEqual([
      'No node: nothing is wrong, but 1 node rounds, and rounding counts (strict).',
      'Rounding is no mistake, but strict was asked for.',
    ]);
    expect(tones(verdict).slice(2, 5)).toEqual(['plain', 'plain', 'rounded']);
  });

  it('tells a doubled first token from a wrong node', () => {
    const cause = sampleCause({ title: 'the first token stands twice', nodes: [], explained: 1, parameters: {} });
    const preflight = [rung('tokens', 'Tokens', 'different', 'the dump has 6 tokens, the prompt 5')];
    const verdict = sampleVerdict({ verdict: 'diverged', cause, preflight });
    expect(texts(verdict).slice(1, 4)).toEqual([
      'Tokens: the dump has 6 tokens, the prompt 5.',
      'No node: each computes what it should from what it is given.',
      'The first token stands twice, found before the layers.',
    ]);
    expect(tones(verdict).slice(1, 4)).toEqual(['bad', 'plain', 'bad']);
  });

  it('does not show what was not measured as right or wrong', () => {
    const verdict = sampleVerdict({ verdict: 'incomparable', reason: 'no node could be compared', compared: 0 });
    expect(texts(verdict).slice(2)).toEqual([
      'no node could be compared',
      'Not known.',
      'Not measured: llama gives no logits.',
    ]);
    expect(tones(verdict)).toEqual(['plain', 'plain', 'doubt', 'doubt', 'plain']);
  });

  it('adds what was expected and what a foreign program cost', () => {
    const expectation = { expected: ' Paris', minLogit: 7, reference: true, candidate: false };
    const [ran, , , , effect] = texts(sampleVerdict({ firstBad: sampleBad(), logits, expectation, runs: 5 }));
    expect(ran).toContain('4 of 4 nodes judged, 5 runs of the program.');
    expect(effect).toContain('What was expected is met by the reference and is not met by the candidate.');
  });
});
