import { memoryOwner } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, isWeightSource, sourceTensor, valuesOf } from '../../site';
import { operand } from './operands';

type Indices = (own: Float32Array) => ArrayLike<number>;

/** Ways to arrive at other indices. */
const MISTAKES: readonly (readonly [string, Indices])[] = [
  ['index one too high', (own) => own.map((i) => i + 1)],
  ['index one too low', (own) => own.map((i) => i - 1)],
  ['index two too high', (own) => own.map((i) => i + 2)],
  ['index two too low', (own) => own.map((i) => i - 2)],
  ['all of the first index', (own) => own.map(() => own[0]!)],
  ['all of the last index', (own) => own.map(() => own[own.length - 1]!)],
  ['of the token before', (own) => own.map((_, i) => own[Math.max(0, i - 1)]!)],
  ['of the token after', (own) => own.map((_, i) => own[Math.min(own.length - 1, i + 1)]!)],
  ['in reverse order', (own) => own.slice().reverse()],
  ['row of the place, not of the id', (own) => own.map((_, i) => i)],
  ['all of row 0', (own) => own.map(() => 0)],
  ['all of row 1', (own) => own.map(() => 1)],
  ['index cut to 16 bits', (own) => own.map((i) => i & 0xffff)],
  ['index cut to 15 bits', (own) => own.map((i) => i & 0x7fff)],
  ['index cut to 8 bits', (own) => own.map((i) => i & 0xff)],
];

export const LOOKUP_INDEX: Hypothesis = {
  id: 'lookup-index',
  title: 'rows of other tokens or positions looked up',
  explanation:
    'The table of embeddings (or positions) is read at other rows: an id off by one, the same id for all tokens, ids in ' +
    'another order, or cut to fewer bits. Each row is a right row, of another token.',
  whereToLook: 'The ids that reach the look-up (type, offset, beginning-of-sequence token) and how a row is addressed.',
  citations: ['ggml-org/llama.cpp#7332'],
  catalogue: [40],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'GET_ROWS' || !isWeightSource(site, 0)) return;
    const own = site.source(1);
    const rows = sourceTensor(site, 0)?.ne[1] ?? 0;
    if (!own) return;
    for (const [label, indices] of MISTAKES) {
      const changed = indices(own);
      if (own.every((i, at) => changed[at] === i)) continue;
      yield { label, parameters: { row: label, right: 'of the token' }, predict: (s) => lookedUp(s, indices, rows) };
    }
    yield* transposed(site);
  },
};

/** Rows out of the table are clamped to it. */
function lookedUp(site: Site, indices: Indices, rows: number): Float32Array {
  const changed = Float32Array.from(indices(valuesOf(site, 1)), (i) => Math.max(0, Math.min(rows - 1, i)));
  return evaluateChanged(site, { sources: new Map([[1, changed]]) });
}

/** The table read as if its other dimension were the fast one. */
function* transposed(site: Site): Generator<Variant> {
  const table = sourceTensor(site, 0);
  if (!table || memoryOwner(site.graph, table).id !== table.id || table.ne[2] * table.ne[3] !== 1) return;
  const [n, rows] = table.ne;
  if (n * rows > LARGEST_TRANSPOSED) return;
  yield {
    label: 'table read transposed',
    parameters: { strides: `1 and ${rows}`, right: `${n} and 1` },
    predict: (s) => {
      const values = operand(s, 0);
      if (!values) return s.right;
      const out = new Float32Array(s.right.length);
      valuesOf(s, 1).forEach((row, at) => {
        for (let i = 0; i < n; i++) out[at * n + i] = values[i * rows + row]!;
      });
      return out;
    },
  };
}

/** A larger table is not decoded as a whole. */
const LARGEST_TRANSPOSED = 1 << 22;
