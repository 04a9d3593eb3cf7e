import { describe, expect, it } from 'vitest';
import { WRONG_PAST_LIMIT } from '../../../../../src/shared/diagnosis/hypotheses/generic/past-limit';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { expectExplained, nodeSite, unrelated, values, withWrong } from '../layers/node-site';

const [N, ROWS, HEADS] = [20, 7, 5];
const ne: Dims = [N, ROWS, HEADS, 1];
const right = values(N * ROWS * HEADS, 1);
const other = values(right.length, 2);
const zeros = { name: 'zeros', ne, values: new Float32Array(right.length) };
const site = nodeSite({ op: 'ADD', ne, sources: [{ name: 'x', ne, values: right }, zeros] });

const channel = (i: number): number => i % N;
const row = (i: number): number => Math.floor(i / N) % ROWS;
const head = (i: number): number => Math.floor(i / (N * ROWS));

/** Right up to where `isPast`; there other numbers. */
const past = (isPast: (i: number) => boolean, value = (i: number): number => other[i]!): Float32Array =>
  right.map((r, i) => (isPast(i) ? value(i) : r));
const labels = (at: Site): string[] => [...WRONG_PAST_LIMIT.variants(at)].map((v) => v.label);

describe('wrong past a limit', () => {
  it.each<[string, number, string, number, (i: number) => boolean]>([
    ['channel', 13, 'channels', N, (i) => channel(i) >= 13],
    ['row', 4, 'rows', ROWS, (i) => row(i) >= 4],
    ['plane', 3, 'planes', HEADS, (i) => head(i) >= 3],
    ['channel', N - 1, 'channels', N, (i) => channel(i) === N - 1],
  ])('from %s %i on', async (name, from, along, of, isPast) => {
    const tried = await expectExplained(WRONG_PAST_LIMIT, site, past(isPast), `from ${name} ${from} on`);
    expect(tried.parameters).toEqual({ from, along, of });
  });

  it('by one factor', async () => {
    const wrong = past(
      (i) => row(i) >= 2,
      (i) => -3 * right[i]!,
    );
    const tried = await expectExplained(WRONG_PAST_LIMIT, site, wrong, 'from row 2 on');
    expect(tried.parameters).toEqual({ from: 2, along: 'rows', of: ROWS, factor: expect.closeTo(-3, 6), right: 1 });
  });

  it('beside rounding', async () => {
    const rounded = past((i) => head(i) >= 2).map((v, i) => v * (1 + 1e-4 * other[i]!));
    await expectExplained(WRONG_PAST_LIMIT, site, rounded, 'from plane 2 on');
  });

  it.each<[string, (i: number) => boolean]>([
    ['everything is wrong', () => true],
    ['the wrong ones lie in between', (i) => row(i) === 2 || row(i) === 3],
    ['the wrong ones come first', (i) => channel(i) < 8],
    ['a right one lies past it', (i) => head(i) === 2 || head(i) === 4],
  ])('says nothing where %s', (_, isPast) => {
    expect(labels(withWrong(site, past(isPast)))).toEqual([]);
  });

  it('says nothing of noise, of NaN, and inside a stretch', () => {
    expect(labels(unrelated(site))).toEqual([]);
    const nan = past(
      (i) => row(i) >= 4,
      () => NaN,
    );
    expect(labels(withWrong(site, nan))).toEqual([]);
    expect(labels(site)).toEqual([]);
  });

  it('says nothing of rows that are not compared', () => {
    const wrong = withWrong(
      site,
      past(() => true),
    );
    const lastRow = { ...wrong, mask: Uint8Array.from(right, (_, i) => (row(i) === ROWS - 1 ? 1 : 0)) };
    expect(labels(lastRow)).toEqual([]);
    // the last row is not known: the limit is seen in the others
    const known = {
      ...withWrong(
        site,
        past((i) => row(i) >= 3),
      ),
      mask: Uint8Array.from(right, (_, i) => (row(i) < ROWS - 1 ? 1 : 0)),
    };
    expect(labels(known)).toEqual(['from row 3 on']);
  });
});
