import { describe, expect, it } from 'vitest';
import { RESULTS_NOT_COMPUTED } from '../../../../../src/shared/diagnosis/hypotheses/weights/results-missing';
import { SUM_TAIL_DROPPED } from '../../../../../src/shared/diagnosis/hypotheses/weights/sum-tail';
import { WEIGHT_NOT_FINITE } from '../../../../../src/shared/diagnosis/hypotheses/weights/weight-not-finite';
import type { Hypothesis, Variant } from '../../../../../src/shared/diagnosis/hypothesis';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { bestOf } from '../../try-hypothesis';
import { expectExplained } from './try-weights';
import { decoded, gatherSite, matMul, matMulSite, productWith, rowsOf } from './weight-fixture';

const [K, ROWS, TOKENS] = [160, 45, 7];
const m = matMul('Q8_0', K, ROWS, TOKENS);
const right = productWith(m, decoded(m));
const row = (i: number): number => i % ROWS;
const token = (i: number): number => Math.floor(i / ROWS);

/** The product with another value where `isLost`. */
const lost = (isLost: (i: number) => boolean, value: number): Float32Array =>
  right.map((v, i) => (isLost(i) ? value : v));
const variants = (hypothesis: Hypothesis, site: Site): Variant[] =>
  [...hypothesis.variants(site)].filter((v): v is Variant => 'predict' in v);

describe('weights that are not finite', () => {
  it.each([
    [[7], NaN, '7'],
    [[3, 11, 12, 30], NaN, '3, 11…12, 30'],
    [[0], Infinity, '0'],
  ])('rows %j', async (bad, value, rows) => {
    const site = matMulSite(
      m,
      lost((i) => bad.includes(row(i)), value),
    );
    const best = await bestOf(WEIGHT_NOT_FINITE, site);
    expect(best?.parameters).toEqual({ rows, of: ROWS });
    // infinite results, which overflow gives too, count half: no cause
    expect(best?.share).toBeCloseTo(Number.isNaN(value) ? 1 : 0.85, 12);
  });

  it('says nothing where a result of the row is finite, or too many are not', () => {
    const some = matMulSite(
      m,
      lost((i) => row(i) === 7 && token(i) > 0, NaN),
    );
    expect(variants(WEIGHT_NOT_FINITE, some)).toEqual([]);
    const many = matMulSite(
      m,
      lost((i) => row(i) % 3 === 0, NaN),
    );
    expect(variants(WEIGHT_NOT_FINITE, many)).toEqual([]);
    // channels up to the end are those that nobody computed
    const end = matMulSite(
      m,
      lost((i) => row(i) >= 40, NaN),
    );
    expect(variants(WEIGHT_NOT_FINITE, end)).toEqual([]);
    expect(variants(WEIGHT_NOT_FINITE, matMulSite(m, undefined))).toEqual([]);
    expect(variants(WEIGHT_NOT_FINITE, matMulSite(m, right))).toEqual([]);
  });

  it('counts only results that are compared', async () => {
    // the first tokens are not compared: row 7 is finite there, row 8 is not
    const wrong = lost((i) => (row(i) === 7 && token(i) >= 3) || (row(i) === 8 && token(i) < 3), NaN);
    const mask = Uint8Array.from(right, (_, i) => (token(i) < 3 ? 0 : 1));
    const best = await bestOf(WEIGHT_NOT_FINITE, { ...matMulSite(m, wrong), mask });
    expect(best).toMatchObject({ share: 1, parameters: { rows: '7' } });
  });

  it('explains no error of the other rows', async () => {
    const wrong = lost((i) => row(i) === 7, NaN).map((v, i) => (row(i) === 9 ? 2 * v : v));
    expect((await bestOf(WEIGHT_NOT_FINITE, matMulSite(m, wrong)))?.share ?? 0).toBeLessThan(0.5);
  });
});

describe('results that nobody computed', () => {
  it.each<[string, number, (i: number) => boolean, string, object]>([
    ['zeros', 0, (i) => row(i) >= 37, 'channels past a limit', { limit: 37, channels: ROWS, missing: 8 }],
    ['NaN', NaN, (i) => row(i) >= 37, 'channels past a limit, NaN', { limit: 37, channels: ROWS, missing: 8 }],
    ['NaN', NaN, (i) => row(i) >= 32, 'channels mod 16, NaN', { tile: 16, channels: ROWS, missing: 13 }],
    ['zeros', 0, (i) => token(i) >= 5, 'tokens past a limit', { limit: 5, tokens: TOKENS, missing: 2 }],
    ['NaN', NaN, (i) => token(i) >= 4, 'tokens mod 4, NaN', { tile: 4, tokens: TOKENS, missing: 3 }],
  ])('%s: %#', async (_, value, isLost, label, parameters) => {
    const site = matMulSite(m, lost(isLost, value));
    expect(await bestOf(RESULTS_NOT_COMPUTED, site)).toMatchObject({ share: 1, label, parameters });
  });

  it('say whether the limit was read off', () => {
    const estimated = (isLost: (i: number) => boolean): readonly unknown[] =>
      variants(RESULTS_NOT_COMPUTED, matMulSite(m, lost(isLost, NaN))).map((v) => [v.label, v.estimated === true]);
    expect(estimated((i) => row(i) >= 37)).toEqual([['channels past a limit, NaN', true]]);
    expect(estimated((i) => row(i) >= 44)).toEqual([['channels mod 2, NaN', false]]);
  });

  it('say nothing where the lost ones are no end', () => {
    const hole = lost((i) => row(i) >= 10 && row(i) < 20, NaN);
    expect(variants(RESULTS_NOT_COMPUTED, matMulSite(m, hole))).toEqual([]);
    expect(
      variants(
        RESULTS_NOT_COMPUTED,
        matMulSite(
          m,
          lost(() => true, 0),
        ),
      ),
    ).toEqual([]);
  });
});

describe('the end of a sum', () => {
  const upTo = (end: number): Float32Array => decoded(m).map((v, i) => (i % K < end ? v : 0));

  it.each([3, 85, 151])('is read off: %i of 160 elements', async (end) => {
    const best = await expectExplained(SUM_TAIL_DROPPED, m, upTo(end));
    const parameters = { limit: end, elements: K, missing: K - end };
    expect(best).toMatchObject({ label: 'an end that is read off', parameters });
    const found = variants(SUM_TAIL_DROPPED, matMulSite(m, productWith(m, upTo(end))));
    expect(found.filter((v) => v.estimated).map((v) => v.label)).toEqual(['an end that is read off']);
  });

  it('of a tile is not called read off', async () => {
    const best = await expectExplained(SUM_TAIL_DROPPED, m, upTo(128));
    expect(best).toMatchObject({ label: 'K mod 64', parameters: { tile: 64, missing: 32 } });
  });

  it('beside results that are not finite or not compared', async () => {
    const wrong = productWith(m, upTo(85));
    for (let i = 0; i < ROWS; i++) wrong[i] = 1e6;
    wrong[3 * ROWS + 2] = NaN;
    const mask = Uint8Array.from(wrong, (_, i) => (i < ROWS || i === 3 * ROWS + 2 ? 0 : 1));
    const best = await bestOf(SUM_TAIL_DROPPED, { ...matMulSite(m, wrong), mask });
    expect(best?.share).toBeGreaterThan(0.99);
    expect(best?.parameters).toMatchObject({ limit: 85 });
    const compared = mask.map((c, i) => (i === 3 * ROWS + 2 ? 1 : c));
    const found = variants(SUM_TAIL_DROPPED, { ...matMulSite(m, wrong), mask: compared });
    expect(found.find((v) => v.estimated)?.parameters).toMatchObject({ limit: 85 });
  });

  it('is not read off where all was added, nor inside a stretch', () => {
    const labels = (wrong: Float32Array | undefined): readonly string[] =>
      variants(SUM_TAIL_DROPPED, matMulSite(m, wrong)).map((v) => v.label);
    expect(labels(right)).not.toContain('an end that is read off');
    expect(labels(undefined)).not.toContain('an end that is read off');
  });

  it('does not apply to a gather', () => {
    const ids = [3, 7, 3];
    const site = gatherSite(m, ids, rowsOf(m, upTo(85), ids));
    expect(variants(SUM_TAIL_DROPPED, site)).toEqual([]);
  });
});
