import { describe, expect, it } from 'vitest';
import {
  CONSTANT_FACTOR,
  CONSTANT_OFFSET,
  CONSTANT_VECTOR,
} from '../../../../../src/shared/diagnosis/hypotheses/generic/linear-fit';
import { GENERIC_HYPOTHESES } from '../../../../../src/shared/diagnosis/hypotheses/generic/list';
import { COLUMNS_MOVED, ROWS_MOVED, TRANSPOSED } from '../../../../../src/shared/diagnosis/hypotheses/generic/moved';
import {
  INPUT_PASSED_ON,
  RESULT_CLIPPED,
  RESULT_ROUNDED,
  SIGN_LOST,
} from '../../../../../src/shared/diagnosis/hypotheses/generic/pointwise';
import { UNWRITTEN } from '../../../../../src/shared/diagnosis/hypotheses/generic/unwritten';
import { LAYER_HYPOTHESES } from '../../../../../src/shared/diagnosis/hypotheses/layers/list';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { bestOf } from '../../try-hypothesis';
import { expectExplained, nodeSite, unrelated, values, withWrong } from '../layers/node-site';

const N = 48;
const ROWS = 9;
const ne: Dims = [N, ROWS, 1, 1];
const right = values(N * ROWS, 1);
const zeros = { name: 'zeros', ne, values: new Float32Array(N * ROWS) };
/** A node whose result is `right`, in a model with heads of 12. */
const site = nodeSite({
  op: 'ADD',
  ne,
  sources: [{ name: 'x', ne, values: right }, zeros],
  around: (g) => g.node('Q', 'ROPE', [12, 4, ROWS, 1], []),
});
const rowOf = (i: number): number => Math.floor(i / N);

describe('one number', () => {
  it('factor, sign, offset, both', async () => {
    const tried = await expectExplained(
      CONSTANT_FACTOR,
      site,
      right.map((r) => 0.125 * r),
      'factor',
    );
    expect(tried.parameters.factor).toBeCloseTo(0.125, 6);
    await expectExplained(
      CONSTANT_FACTOR,
      site,
      right.map((r) => -r),
      'sign',
    );
    await expectExplained(
      CONSTANT_OFFSET,
      site,
      right.map((r) => r - 3),
      'offset',
    );
    await expectExplained(
      CONSTANT_OFFSET,
      site,
      right.map((r) => 2 * r + 1),
      'factor and offset',
    );
  });

  it('says nothing of a few elements', () => {
    const few: Dims = [5, 1, 1, 1];
    const small = nodeSite({ op: 'SQR', ne: few, sources: [{ name: 'x', ne: few, values: values(5, 2) }] });
    const wrong = withWrong(
      small,
      small.right.map((r) => 2 * r),
    );
    expect([...CONSTANT_FACTOR.variants(wrong)]).toEqual([]);
    expect([
      ...RESULT_CLIPPED.variants(
        withWrong(
          small,
          small.right.map(() => 0.1),
        ),
      ),
    ]).toEqual([]);
  });

  it('a vector in all rows', async () => {
    const v = values(N, 3);
    await expectExplained(
      CONSTANT_VECTOR,
      site,
      right.map((r, i) => r + v[i % N]!),
      'vector',
    );
  });

  it('no vector where the right rows are all alike: noise of the weights looks so, too', async () => {
    const alike = right.map((_, i) => right[i % N]!);
    const same = nodeSite({ op: 'ADD', ne, sources: [{ name: 'x', ne, values: alike }, zeros] });
    const wrong = alike.map((r, i) => r * (1 + 0.01 * right[N + (i % N)]!));
    expect(await bestOf(CONSTANT_VECTOR, withWrong(same, wrong))).toBeUndefined();
  });
});

describe('moved', () => {
  const rows = (from: (row: number) => number): Float32Array =>
    right.map((_, i) => right[from(rowOf(i)) * N + (i % N)]!);
  const columns = (from: (c: number) => number): Float32Array =>
    right.map((_, i) => right[rowOf(i) * N + from(i % N)]!);

  it.each<[string, (row: number) => number]>([
    ['shifted: row i holds row i − 1', (row) => Math.max(0, row - 1)],
    ['all of row 4', () => 4],
    ['reversed', (row) => ROWS - 1 - row],
    ['rotated: row i holds row (i + 2) mod 9', (row) => (row + 2) % ROWS],
    ['in another order', (row) => [3, 0, 1, 2, 4, 5, 8, 6, 7][row]!],
  ])('rows %s', async (label, from) => {
    await expectExplained(ROWS_MOVED, site, rows(from), label);
  });

  it.each<[string, (c: number) => number]>([
    ['channels reversed', (c) => N - 1 - c],
    ['channels neighbours swapped', (c) => c ^ 1],
    ['channels halves interleaved', (c) => (c % 2) * 24 + (c >> 1)],
    ['heads of 12 reversed', (c) => (3 - Math.floor(c / 12)) * 12 + (c % 12)],
  ])('%s', async (label, from) => {
    const wrong = columns(from);
    const tried = await bestOf(COLUMNS_MOVED, withWrong(site, wrong));
    expect(tried?.share).toBeGreaterThan(0.99);
    const labels = [...COLUMNS_MOVED.variants(withWrong(site, wrong))].map((v) => v.label);
    expect(labels).toContain(label);
  });

  it('finds rounded rows too, and nothing in noise', async () => {
    const noise = values(right.length, 5, 1e-3);
    const wrong = rows((row) => ROWS - 1 - row).map((r, i) => r + noise[i]!);
    await expectExplained(ROWS_MOVED, site, wrong, 'reversed');
    expect([...COLUMNS_MOVED.variants(unrelated(site))]).toEqual([]);
  });

  it('transposed', async () => {
    const wrong = new Float32Array(right.length);
    for (let row = 0; row < ROWS; row++) for (let c = 0; c < N; c++) wrong[c * ROWS + row] = right[row * N + c]!;
    await expectExplained(TRANSPOSED, site, wrong, 'columns as rows');
  });
});

describe('not computed', () => {
  it.each<[string, (i: number) => boolean, number]>([
    ['rows', (i) => rowOf(i) >= 7, 0],
    ['columns', (i) => i % N >= 32, 0],
    ['columns', (i) => i % 16 === 3, 0.25],
    ['tail', (i) => i >= 400, 0],
    ['all', () => true, 0],
  ])('%s', async (label, isOut, value) => {
    const tried = await expectExplained(
      UNWRITTEN,
      site,
      right.map((r, i) => (isOut(i) ? value : r)),
      label,
    );
    expect(tried.parameters.value).toBe(String(value));
  });

  it('as NaN', async () => {
    const wrong = right.map((r, i) => (i % N >= 40 ? NaN : r));
    const tried = await expectExplained(UNWRITTEN, site, wrong, 'columns');
    expect(tried.parameters).toEqual({ columns: '40…47', of: N, value: 'NaN' });
  });
});

describe('elements', () => {
  it('clipped, signs lost, rounded, an input in place of the result', async () => {
    await expectExplained(
      RESULT_CLIPPED,
      site,
      right.map((r) => Math.min(0.5, r)),
      'above',
    );
    await expectExplained(
      RESULT_CLIPPED,
      site,
      right.map((r) => Math.max(-0.7, Math.min(0.5, r))),
      'both',
    );
    await expectExplained(SIGN_LOST, site, right.map(Math.abs), 'magnitude');
    const words = new Uint32Array(right.slice().buffer);
    words.forEach((w, i) => (words[i] = ((w + 0x7fff + ((w >>> 16) & 1)) & 0xffff0000) >>> 0));
    await expectExplained(RESULT_ROUNDED, site, new Float32Array(words.buffer), 'bf16');
    const squares = nodeSite({ op: 'SQR', ne, sources: [{ name: 'x', ne, values: right }] });
    const tried = await expectExplained(INPUT_PASSED_ON, squares, right, 'input 0');
    expect(tried.parameters.done).toBe('x');
  });
});

it('every hypothesis of the lists is told apart by its id and describes itself', () => {
  const all = [...LAYER_HYPOTHESES, ...GENERIC_HYPOTHESES];
  expect(new Set(all.map((h) => h.id)).size).toBe(all.length);
  for (const h of all) {
    expect(h.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    for (const citation of h.citations) expect(citation).toMatch(/^[\w.-]+\/[\w.-]+#\d+$/);
    expect(h.whereToLook.length).toBeGreaterThan(20);
  }
});

it('without wrong values generic hypotheses guess nothing but a skipped op', () => {
  const guesses = GENERIC_HYPOTHESES.filter((h) => [...h.variants(site)].length > 0).map((h) => h.id);
  expect(guesses).toEqual(['input-passed-on']);
});
