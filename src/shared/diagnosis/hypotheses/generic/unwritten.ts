import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { rangesText } from '../../shape/ranges';

export const UNWRITTEN: Hypothesis = {
  id: 'unwritten',
  title: 'part of the result not computed',
  explanation:
    'Whole rows, whole columns or the tail of the result hold one and the same value (zero, NaN, what the buffer held), ' +
    'the rest is right.',
  whereToLook: 'The number of workgroups dispatched, loop bounds, and early exits for rows or columns past a multiple.',
  citations: ['ggml-org/llama.cpp#27450', 'ggml-org/llama.cpp#25464', 'ggml-org/llama.cpp#8549'],
  catalogue: [13],
  generality: 3,
  /** Rows of NaN are what a soft-max makes of scores beyond its range: they were computed. */
  *variants(site) {
    const { wrong, right, mask } = site;
    if (!wrong) return;
    const [n] = site.node.ne;
    const value = commonValue(site, wrong);
    if (value === undefined || (value - value !== 0 && site.node.kind === 'SOFT_MAX')) return;
    const isHeld = (i: number): boolean => mask?.[i] === 0 || Object.is(wrong[i], value) || wrong[i] === value;
    const what = String(value);
    const rows = range(right.length / n).filter((row) => range(n).every((i) => isHeld(row * n + i)));
    const all = right.length / n;
    if (rows.length === all) {
      yield held('all', { elements: 'all', value: what }, () => true, value);
      return;
    }
    if (rows.length > 0) {
      const set = new Set(rows);
      yield held('rows', { rows: rangesText(rows), of: all, value: what }, (i) => set.has(Math.floor(i / n)), value);
    }
    const columns = range(n).filter((i) => range(all).every((row) => isHeld(row * n + i)));
    if (columns.length > 0) {
      const set = new Set(columns);
      yield held('columns', { columns: rangesText(columns), of: n, value: what }, (i) => set.has(i % n), value);
    }
    let from = right.length;
    while (from > 0 && isHeld(from - 1)) from--;
    if (from < right.length) yield held('tail', { elementsFrom: from, value: what }, (i) => i >= from, value);
  },
};

/** The value that the most wrong elements hold: zero, NaN, infinite, or another one that recurs. */
function commonValue({ right, mask }: Site, wrong: Float32Array): number | undefined {
  const counts = new Map<number, number>();
  for (let i = 0; i < wrong.length; i++) {
    const [w, r] = [wrong[i]!, right[i]!];
    if (mask?.[i] === 0 || w === r || (w !== w && r !== r)) continue;
    if (counts.size < MOST_VALUES || counts.has(w)) counts.set(w, (counts.get(w) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most && most[1] > 1 ? most[0] : undefined;
}

/** Different values that are counted: the one of a part that was not written comes up early. */
const MOST_VALUES = 4096;

function range(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function held(label: string, parameters: Variant['parameters'], isIn: (i: number) => boolean, value: number): Variant {
  return { label, parameters, predict: (s) => s.right.map((r, i) => (isIn(i) ? value : r)) };
}
