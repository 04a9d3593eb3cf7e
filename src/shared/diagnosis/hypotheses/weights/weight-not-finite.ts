import { rangesText } from '../../shape/ranges';
import type { Hypothesis } from '../../hypothesis';
import type { Site } from '../../site';
import { wholeWeightOf } from './weight-site';

/** More rows than this share of all are no bad blocks. */
const MOST_ROWS = 0.25;

export const WEIGHT_NOT_FINITE: Hypothesis = {
  id: 'weight-not-finite',
  title: 'blocks of the weight decode to NaN or infinity',
  explanation:
    'One block that is not finite makes its row’s dot products so, for every token, whatever the other blocks are. All ' +
    'other channels of the result are right. The model file itself is finite there.',
  whereToLook:
    'The decoder on the blocks of these rows: a scale read from wrong bytes, a division by zero, an uninitialised part of ' +
    'the buffer; or another copy of the weights than the file’s.',
  citations: ['ggml-org/llama.cpp#8661', 'ggml-org/llama.cpp#12439'],
  catalogue: [14],
  generality: 2,
  *variants(site) {
    if (!wholeWeightOf(site) || site.node.kind !== 'MUL_MAT') return;
    const rows = notFiniteRows(site);
    const [n] = site.node.ne;
    const first = rows[0];
    // up to the end it is a tail that nobody computed
    if (first === undefined || rows.length > MOST_ROWS * n || first === n - rows.length) return;
    const set = new Set(rows);
    yield {
      label: 'rows',
      parameters: { rows: rangesText(rows), of: n },
      needsAllRows: true,
      predict: (s) => s.right.map((r, i) => (set.has(i % n) ? NaN : r)),
    };
  },
};

/** Channels of which no result is finite; none where the result is not known. */
function notFiniteRows({ node, wrong, mask }: Site): readonly number[] {
  const [n] = node.ne;
  if (!wrong) return [];
  const finite = new Uint8Array(n);
  const compared = new Uint8Array(n);
  wrong.forEach((w, i) => {
    if (mask?.[i] === 0) return;
    compared[i % n] = 1;
    if (Number.isFinite(w)) finite[i % n] = 1;
  });
  return Array.from({ length: n }, (_, r) => r).filter((r) => compared[r] === 1 && finite[r] === 0);
}
