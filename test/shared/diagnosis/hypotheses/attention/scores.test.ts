import { describe, expect, it } from 'vitest';
import { ALIBI_SLOPES } from '../../../../../src/shared/diagnosis/hypotheses/attention/alibi-slopes';
import { ATTENTION_MASK } from '../../../../../src/shared/diagnosis/hypotheses/attention/attention-mask';
import {
  ATTENTION_SCALE,
  ATTENTION_SCALE_VALUE,
} from '../../../../../src/shared/diagnosis/hypotheses/attention/attention-scale';
import { ATTENTION_SINKS } from '../../../../../src/shared/diagnosis/hypotheses/attention/attention-sinks';
import { MASKED_ROWS } from '../../../../../src/shared/diagnosis/hypotheses/attention/masked-rows';
import {
  SLIDING_WINDOW,
  SLIDING_WINDOW_LENGTH,
} from '../../../../../src/shared/diagnosis/hypotheses/attention/sliding-window';
import { SOFT_MAX_FORMULA } from '../../../../../src/shared/diagnosis/hypotheses/attention/soft-max-formula';
import { SOFT_MAX_PARTIAL } from '../../../../../src/shared/diagnosis/hypotheses/attention/soft-max-partial';
import { SOFT_MAX_RANGE } from '../../../../../src/shared/diagnosis/hypotheses/attention/soft-max-range';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { expectNamed, tried, withWrong } from './planted';
import type { Sees } from './score-sites';
import { causal, KEYS, PAST, plantedSoftMax, SCALE, seeing, softMaxSite, TOKENS } from './score-sites';

const PLAIN = softMaxSite();
const USED = PAST + TOKENS;

describe('the planted soft-max', () => {
  it('is the reference’s where nothing is planted', () => {
    const { site, scores } = PLAIN;
    const planted = plantedSoftMax(scores, { z: seeing(causal) });
    expect(Math.max(...planted.map((p, i) => Math.abs(p - site.right[i]!)))).toBeLessThan(1e-6);
  });
});

describe('attention scale', () => {
  it.each([
    ['none', 1],
    ['twice', SCALE * SCALE],
    ['root', 0.5],
    ['inverse', 4],
    ['1/√d_model', 1 / 8],
  ])('%s', async (label, scale) => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: seeing(causal, scale) });
    await expectNamed(ATTENTION_SCALE, { site, wrong, label, parameters: { scale, right: SCALE } });
  });

  it('any other factor is found', async () => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: seeing(causal, 0.3123) });
    const best = await tried(ATTENTION_SCALE_VALUE, withWrong(site, wrong));
    expect(best.share).toBeGreaterThan(0.999);
    expect(best.parameters['scale']).toBeCloseTo(0.3123, 3);
  });
});

describe('attention masks', () => {
  const cases: readonly (readonly [string, Sees])[] = [
    ['missing', () => true],
    ['causal mask missing', (_, key) => key < USED],
    ['padding visible', (token, key) => causal(token, key) || key >= USED],
    ['sees one key too many', (token, key) => key <= token + PAST + 1],
    ['does not see itself', (token, key) => key < token + PAST],
    ['does not see the first key', (token, key) => causal(token, key) && key > 0],
    ['keys shifted by one', (token, key) => key === 0 || key <= token + PAST + 1],
  ];
  it.each(cases)('%s', async (label, sees) => {
    const { site, scores } = PLAIN;
    const synonyms = label === 'keys shifted by one' ? ['attention-mask'] : [];
    const wrong = plantedSoftMax(scores, { z: seeing(sees) });
    const named = label === 'keys shifted by one' ? {} : { label };
    await expectNamed(ATTENTION_MASK, { site, wrong, ...named, synonyms });
  });

  it('transposed, where the cache began empty', async () => {
    const { site, scores } = softMaxSite({ sees: (token, key) => key <= token && key < TOKENS });
    const wrong = plantedSoftMax(scores, { z: seeing((token, key) => key >= token && key < TOKENS) });
    await expectNamed(ATTENTION_MASK, { site, wrong, label: 'transposed' });
  });

  it('some of the padding visible, up to what the probabilities show', async () => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: seeing((t, key) => causal(t, key) || (key >= USED && key < 10)) });
    const parameters = { mask: 'padding visible', keys: 10, right: USED };
    await expectNamed(ATTENTION_MASK, { site, wrong, label: 'keys up to 10 visible', parameters });
    expect(paddings(withWrong(site, wrong))).toEqual([['keys up to 10 visible', true]]);
    // inside a stretch nobody knows the probabilities, and no multiple lies between 8 and 11 keys
    expect(paddings(site)).toEqual([]);
  });

  it('some of the padding visible, up to a multiple', async () => {
    const used = 7;
    const seven: Sees = (token, key) => causal(token, key) && key < used;
    const { site, scores } = softMaxSite({ sees: seven });
    const wrong = plantedSoftMax(scores, { z: seeing((token, key) => seven(token, key) || key === 7) });
    const parameters = { mask: 'padding visible', keys: 8, right: used };
    await expectNamed(ATTENTION_MASK, { site, wrong, label: 'keys up to 8 visible', parameters });
    expect(paddings(site)).toEqual([['keys up to 8 visible', false]]);
  });
});

/** Masks that open a part of the padding, and whether their limit is read off. */
const paddings = (site: Site) =>
  [...ATTENTION_MASK.variants(site)].flatMap((v) =>
    v.label.startsWith('keys up to') ? [[v.label, 'predict' in v && v.estimated === true]] : [],
  );

describe('sliding windows', () => {
  const within =
    (n: number): Sees =>
    (token, key) =>
      causal(token, key) && key > token + PAST - n;

  it.each([
    ['no window', causal],
    ['one key longer', within(5)],
    ['one key shorter', within(3)],
  ] as const)('%s where it is 4', async (label, sees) => {
    const { site, scores } = softMaxSite({ sees: within(4) });
    const wrong = plantedSoftMax(scores, { z: seeing(sees) });
    await expectNamed(SLIDING_WINDOW, { site, wrong, label });
  });

  it('a window of 5 where there is none', async () => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: seeing(within(5)) });
    await expectNamed(SLIDING_WINDOW_LENGTH, { site, wrong, parameters: { window: 5, right: USED } });
    // inside a stretch nobody knows the probabilities: the length is searched for
    expect([...SLIDING_WINDOW_LENGTH.variants(site)].map((v) => 'at' in v)).toEqual([true]);
  });

  it('a windowed tile of masked keys that gives NaN', async () => {
    const { site, scores } = softMaxSite({ sees: (token, key) => key <= token + 5 && key > token + 4 });
    const wrong = plantedSoftMax(scores, { z: seeing((token, key) => key === token + 5) });
    for (let row = 0; row < 24; row++) if ((row % TOKENS) + 5 >= 8) wrong.fill(NaN, row * KEYS, (row + 1) * KEYS);
    const best = await tried(MASKED_ROWS, withWrong(site, wrong));
    expect(best).toMatchObject({ share: 1, parameters: { tile: 8 } });
  });

  it('masked keys that turn into NaN', async () => {
    const { site, scores } = PLAIN;
    const wrong = new Float32Array(scores.length);
    // every row has masked keys here, and NaN spreads through its sum
    wrong.fill(NaN);
    const best = await tried(MASKED_ROWS, withWrong(site, wrong));
    expect(best).toMatchObject({ share: 1, label: 'NaN from every masked key' });
    // further on everything is NaN, whatever began it
    expect([...MASKED_ROWS.variants(site)].map((v) => v.label)).not.toContain('NaN from every masked key');
    const open = softMaxSite({ sees: () => true }).site;
    expect([...MASKED_ROWS.variants(withWrong(open, wrong))]).toEqual([]);
  });
});

describe('soft-max', () => {
  const sumOf = (powers: readonly number[]): number => powers.reduce((a, b) => a + b, 0);

  it('not normalised', async () => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: seeing(causal), finish: (powers) => powers });
    await expectNamed(SOFT_MAX_FORMULA, { site, wrong, label: 'not normalised' });
  });

  it('with one more in the sum', async () => {
    const { site, scores } = PLAIN;
    const finish = (powers: number[], greatest: number): number[] =>
      powers.map((e) => e / (sumOf(powers) + Math.exp(-greatest)));
    const wrong = plantedSoftMax(scores, { z: seeing(causal), finish });
    await expectNamed(SOFT_MAX_FORMULA, { site, wrong, label: 'exp(−max) added to the sum (softmax1)' });
  });

  it('with powers of 2', async () => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: seeing(causal, SCALE * Math.LN2) });
    await expectNamed(SOFT_MAX_FORMULA, { site, wrong, label: 'powers of 2' });
  });

  it('with masked keys at score 0', async () => {
    const { site, scores } = PLAIN;
    const wrong = plantedSoftMax(scores, { z: (token, key, _, s) => (causal(token, key) ? s * SCALE : 0) });
    await expectNamed(SOFT_MAX_FORMULA, { site, wrong, label: 'masked keys get score 0' });
  });

  it('over queries', async () => {
    const { site, scores } = PLAIN;
    const wrong = new Float32Array(scores.length);
    for (let i = 0; i < wrong.length; i++) {
      const [key, token, head] = [i % KEYS, Math.floor(i / KEYS) % TOKENS, Math.floor(i / (KEYS * TOKENS))];
      const power = (t: number): number =>
        causal(t, key) ? Math.exp(SCALE * scores[(head * TOKENS + t) * KEYS + key]!) : 0;
      const sum = sumOf(Array.from({ length: TOKENS }, (_, t) => power(t)));
      wrong[i] = sum === 0 ? 0 : power(token) / sum;
    }
    await expectNamed(SOFT_MAX_FORMULA, { site, wrong, label: 'over queries' });
  });

  it('that overflows without its maximum subtracted', async () => {
    const { site, scores } = softMaxSite({ size: 500 });
    const wrong = new Float32Array(scores.length);
    for (let row = 0; row < 24; row++) {
      const powers = Float32Array.from({ length: KEYS }, (_, k) =>
        causal(row % TOKENS, k) ? Math.exp(SCALE * scores[row * KEYS + k]!) : 0,
      );
      const sum = Math.fround(sumOf([...powers]));
      wrong.set(
        powers.map((e) => e / sum),
        row * KEYS,
      );
    }
    expect(wrong.some(Number.isNaN)).toBe(true);
    const best = await tried(SOFT_MAX_RANGE, withWrong(site, wrong));
    expect(best.label).toBe('no maximum subtracted, f32');
    expect(best.share).toBeGreaterThan(0.99);
  });

  it('over the first keys only, seen or summed', async () => {
    const { site, scores } = PLAIN;
    const seen = plantedSoftMax(scores, { z: seeing((token, key) => causal(token, key) && key < 5) });
    await expectNamed(SOFT_MAX_PARTIAL, { site, wrong: seen, parameters: { keys: 5 } });
    const finish = (powers: number[]): number[] => powers.map((e) => e / sumOf(powers.slice(0, 4)));
    const summed = plantedSoftMax(scores, { z: seeing(causal), finish });
    await expectNamed(SOFT_MAX_PARTIAL, { site, wrong: summed, parameters: { keys: 4 } });
  });
});

describe('sinks and ALiBi', () => {
  const sinks = [0.5, 2, -1, 1.5];

  it('sinks ignored or scaled', async () => {
    const { site, scores } = softMaxSite({ sinks });
    const ignored = plantedSoftMax(scores, { z: seeing(causal) });
    await expectNamed(ATTENTION_SINKS, { site, wrong: ignored, label: 'ignored' });
    const scaled = plantedSoftMax(scores, {
      z: seeing(causal),
      finish: (powers, greatest, head) => {
        const sum = powers.reduce((a, b) => a + b, 0) + Math.exp(sinks[head]! * SCALE - greatest);
        return powers.map((e) => e / sum);
      },
    });
    await expectNamed(ATTENTION_SINKS, { site, wrong: scaled, label: 'scaled like scores' });
  });

  const biased =
    (slope: (head: number) => number): Parameters<typeof plantedSoftMax>[1]['z'] =>
    (token, key, head, score) =>
      causal(token, key) ? score * SCALE - slope(head) * (token + PAST - key) : -Infinity;

  it.each([
    ['no bias', () => 0],
    ['slope 1 for all', () => 1],
    ['counted from head 0', (head: number) => 4 ** -head],
    ['heads in reverse', (head: number) => 4 ** (head - 4)],
  ])('ALiBi: %s', async (label, slope) => {
    const { site, scores } = softMaxSite({ maxBias: 8, size: 4 });
    const planted = plantedSoftMax(scores, { z: biased((head) => 4 ** -(head + 1)) });
    expect(Math.max(...planted.map((p, i) => Math.abs(p - site.right[i]!)))).toBeLessThan(1e-6);
    await expectNamed(ALIBI_SLOPES, { site, wrong: plantedSoftMax(scores, { z: biased(slope) }), label });
  });
});
