import { describe, expect, it } from 'vitest';
import { classify } from '../../../../src/shared/diagnosis/shape/elements';
import { shapeFindings } from '../../../../src/shared/diagnosis/shape/findings';
import { rangesText } from '../../../../src/shared/diagnosis/shape/ranges';
import type { OpKind } from '../../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../../src/shared/graph/graph';
import { values } from '../hypotheses/layers/node-site';

const NOISE = 1e-8;

function findings(
  ne: Dims,
  change: (r: number, i: number) => number,
  kind: OpKind = 'MUL',
  mask?: Uint8Array,
): string[] {
  const right = values(ne[0] * ne[1] * ne[2] * ne[3], 1);
  const wrong = right.map(change);
  return shapeFindings(classify(right, wrong, ne, NOISE, mask), kind).map((f) => `${f.kind}: ${f.text}`);
}
/** Noise that no description fits. */
const noise = values(1 << 16, 2);

describe('places', () => {
  const ne: Dims = [48, 6, 1, 1];
  const row = (i: number): number => Math.floor(i / 48);
  const off = (isOff: (i: number) => boolean) => (r: number, i: number) => (isOff(i) ? r + noise[i]! : r);

  it('the last row, a tail, some rows, all but the first', () => {
    expect(
      findings(
        ne,
        off((i) => row(i) === 5),
      ),
    ).toContain('tail: Only the last row (5) of 6 is wrong.');
    const tail = 'tail: Rows up to 3 are right; from row 4 on, to 5, they are wrong.';
    expect(
      findings(
        ne,
        off((i) => row(i) > 3),
      ),
    ).toContain(tail);
    const some = 'rows: Rows 1, 3…4 of 6 are wrong; the others are right.';
    expect(
      findings(
        ne,
        off((i) => [1, 3, 4].includes(row(i))),
      ),
    ).toContain(some);
    const later = 'tail: Only row 0 is right; from row 1 on, to 5, they are wrong.';
    expect(
      findings(
        ne,
        off((i) => row(i) > 0),
      ),
    ).toContain(later);
  });

  it('columns: a tail, and places within blocks', () => {
    const tail = 'tail: Columns up to 31 are right; from column 32 on, to 47, they are wrong.';
    expect(
      findings(
        ne,
        off((i) => i % 48 >= 32),
      ),
    ).toContain(tail);
    const blocks = findings(
      [1024, 3, 1, 1],
      off((i) => (i % 1024) % 256 >= 128),
    );
    expect(blocks).toContain(
      'sub-blocks: Columns 128…255 of every 256 are wrong (sub-blocks 4…7 of a super-block); the others are right.',
    );
    const odd = findings(
      [64, 3, 1, 1],
      off((i) => i % 2 === 1),
    );
    expect(odd).toContain('sub-blocks: Columns 1 of every 2 are wrong; the others are right.');
    const lanes = findings(
      [128, 3, 1, 1],
      off((i) => (i % 128) % 32 >= 30),
    );
    expect(lanes).toContain('sub-blocks: Columns 30…31 of every 32 are wrong; the others are right.');
  });

  it('leaves out columns that make no pattern', () => {
    const scattered = findings(
      [384, 3, 1, 1],
      off((i) => (((i % 384) * 7919) % 31) % 2 === 0),
    );
    expect(scattered.filter((f) => f.startsWith('columns') || f.startsWith('sub-blocks'))).toEqual([]);
  });

  it('heads: dimension 1 of queries, dimension 2 of scores', () => {
    const head = findings(
      [16, 4, 5, 1],
      off((i) => Math.floor(i / 16) % 4 === 2),
      'ROPE',
    );
    expect(head).toContain('heads: Only head 2 of 4 is wrong.');
    const scores = findings(
      [16, 5, 4, 1],
      off((i) => Math.floor(i / 80) === 1),
      'SOFT_MAX',
    );
    expect(scores).toContain('heads: Only head 1 of 4 is wrong.');
  });

  it('does not speak of what is not compared', () => {
    const mask = new Uint8Array(48 * 6).fill(1, 0, 48 * 4);
    expect(
      findings(
        ne,
        off((i) => row(i) >= 4),
        'MUL',
        mask,
      ),
    ).toEqual([]);
    const found = findings(
      ne,
      off((i) => row(i) >= 3),
      'MUL',
      mask,
    );
    expect(found).toContain('rows: Only row 3 of 6 is wrong.');
  });
});

describe('relations', () => {
  const ne: Dims = [48, 6, 1, 1];
  const row = (i: number): number => Math.floor(i / 48);

  it('one factor, one offset, all zero', () => {
    expect(findings(ne, (r) => r / 8)[0]).toBe('ratio: Every element is the right one times 0.125 (1/8).');
    expect(findings(ne, (r) => r * Math.sqrt(128))[0]).toBe(
      'ratio: Every element is the right one times 11.3137 (√128).',
    );
    expect(findings(ne, (r) => r - 8)[0]).toBe('offset: Every element is the right one plus -8.');
    expect(findings(ne, (_, i) => noise[i]! * 1e-6)[0]).toMatch(/^ratio: Next to nothing is left/);
    expect(findings(ne, () => 0)[0]).toBe('one-value: All elements are zero.');
    expect(findings(ne, (r) => -r)[0]).toBe('ratio: Every element has its sign flipped.');
  });

  it('a factor per row or per column, a vector, flipped signs', () => {
    expect(findings(ne, (r, i) => r * (2 + row(i)))[0]).toBe(
      'ratio: Each row is the right one times a factor of its own, mostly 2 to 7: a norm or scale per row.',
    );
    expect(findings(ne, (r, i) => r * (1 + (i % 48)))[0]).toBe(
      'ratio: Each column has a factor of its own, the same in all rows, mostly 5 to 44: like a weight per channel.',
    );
    expect(findings(ne, (r, i) => r + noise[i % 48]!)[0]).toBe(
      'offset: The difference is the same vector in all 6 rows: like a bias.',
    );
    expect(findings(ne, (r, i) => (i % 5 === 0 ? -r : r))[0]).toMatch(
      /^sign: The wrong elements \(\d+\) are the right/,
    );
  });

  it('rows and columns of others', () => {
    const right = values(48 * 6, 1);
    const moved = findings(ne, (_, i) => right[Math.max(0, row(i) - 1) * 48 + (i % 48)]!);
    expect(moved[0]).toBe(
      'permutation: 5 of 6 rows hold the values of others (shifted: row i holds row i − 1; row 1 those of 0).',
    );
    const mirrored = findings(ne, (_, i) => right[row(i) * 48 + 47 - (i % 48)]!);
    expect(mirrored[0]).toMatch(/^permutation: 48 of 48 columns hold the values of others \(reversed;/);
  });
});

describe('trends', () => {
  it('grows with the position', () => {
    const ne: Dims = [64, 8, 1, 1];
    const found = findings(ne, (r, i) => r + noise[i]! * 0.1 * Math.floor(i / 64));
    expect(
      found.some((f) => f.startsWith('position: The first token is right, and the error of the others grows')),
    ).toBe(true);
  });

  it('only large elements, clipped', () => {
    const found = findings([64, 8, 1, 1], (r) => Math.max(-0.9, Math.min(0.9, r)));
    expect(
      found.some((f) => /^magnitude: Only elements of magnitude 0\.9\d* and more are wrong, and .*clipped/.test(f)),
    ).toBe(true);
  });
});

it('takes rounding in the first row for right, and says so where nothing stands out', () => {
  const ne: Dims = [48, 6, 1, 1];
  const rounding = findings(ne, (r, i) => r + noise[i]! * (i < 48 ? 1e-3 : 1));
  expect(rounding).toContain('tail: Only row 0 is right; from row 1 on, to 5, they are wrong.');
  const everywhere = findings(ne, (r, i) => r + noise[i]!);
  expect(everywhere).toEqual(['spread: The error is spread over all rows and columns: 288 of 288 elements are off.']);
});

it('says nothing of a result that is right, and six things at most', () => {
  expect(findings([48, 6, 1, 1], (r) => r)).toEqual([]);
  const much = findings([512, 8, 3, 1], (r, i) => (i % 7 === 3 && i > 5000 ? NaN : r), 'ROPE');
  expect(much.length).toBeLessThanOrEqual(6);
});

it('writes ranges', () => {
  expect(rangesText([0, 1, 2, 5])).toBe('0…2, 5');
  expect(rangesText([0, 2, 4, 6, 8, 10])).toBe('0, 2, 4, 6 and 2 more ranges');
});
