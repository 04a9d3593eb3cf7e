import { tensorOf } from '../../../graph/graph';
import type { Hypothesis } from '../../hypothesis';
import type { Site } from '../../site';
import { describeMoves, matchRows, transposed } from '../../shape/matching';

/** Fewer values than this are found elsewhere by accident. */
const LEAST_VALUES = 4;
/** Above this many elements matching takes too long. */
const MOST_ELEMENTS = 1 << 24;

export const ROWS_MOVED: Hypothesis = {
  id: 'rows-moved',
  title: 'rows in other places',
  explanation:
    'The rows (tokens, or heads of tokens) are right ones, but of other tokens: shifted, in another order, or one for ' +
    'all. Values of the token before are a shift by one.',
  whereToLook: 'The index of the row that this op reads or writes: offsets of a batch, strides of heads and tokens.',
  citations: [],
  catalogue: [],
  generality: 3,
  *variants(site) {
    const [n] = site.node.ne;
    const { wrong, right } = site;
    if (!wrong || !canMatch(site) || n < LEAST_VALUES || right.length / n < 2) return;
    const from = matchRows(right, wrong, n);
    const how = describeMoves(from);
    if (how === undefined) return;
    yield {
      label: how,
      parameters: { rows: how, right: 'each in its place' },
      predict: (s) => takeRows(s.right, from, n),
    };
  },
};

export const COLUMNS_MOVED: Hypothesis = {
  id: 'columns-moved',
  title: 'channels in other places',
  explanation:
    'The channels of all tokens are right values of other channels: shifted, reversed, interleaved, or by heads in ' +
    'another order.',
  whereToLook: 'The order of channels within and between heads, and how weights’ rows were permuted when converted.',
  citations: ['ggml-org/llama.cpp#22611'],
  catalogue: [26],
  generality: 3,
  *variants(site) {
    const { wrong, right } = site;
    const [n] = site.node.ne;
    if (!wrong || !canMatch(site)) return;
    for (const width of [1, ...headWidths(site)]) {
      const values = width * (right.length / n);
      if (values < LEAST_VALUES || n / width < 2) continue;
      const from = matchRows(byHead(right, n, width), byHead(wrong, n, width), values);
      const how = describeMoves(from);
      if (how === undefined) continue;
      const what = width === 1 ? 'channels' : `heads of ${width}`;
      yield {
        label: `${what} ${how}`,
        parameters: { [width === 1 ? 'channels' : 'heads']: how, right: 'each in its place' },
        predict: (s) => fromHeads(takeRows(byHead(s.right, n, width), from, values), n, width),
      };
    }
  },
};

function canMatch({ right, mask }: Site): boolean {
  return right.length <= MOST_ELEMENTS && !mask?.includes(0);
}

/** Sizes of heads in the model that divide a row. */
function headWidths({ graph, node }: Site): readonly number[] {
  const widths = new Set<number>();
  for (const id of graph.order) {
    const t = tensorOf(graph, id);
    const isOfHeads = (t.kind === 'ROPE' || t.kind === 'RMS_NORM' || t.kind === 'RESHAPE') && t.ne[2] > 1;
    if (isOfHeads && t.ne[0] < node.ne[0] && node.ne[0] % t.ne[0] === 0) widths.add(t.ne[0]);
  }
  widths.delete(1);
  return [...widths];
}

/** Each head of all rows as one row of width × rows values. */
function byHead(values: Float32Array, n: number, width: number): Float32Array {
  if (width === 1) return transposed(values, n);
  const rows = values.length / n;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++) {
      const head = Math.floor(i / width);
      out[(head * rows + row) * width + (i % width)] = values[row * n + i]!;
    }
  }
  return out;
}

/** The reverse of `byHead`. */
function fromHeads(values: Float32Array, n: number, width: number): Float32Array {
  const rows = values.length / n;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++) {
      const head = Math.floor(i / width);
      out[row * n + i] = values[(head * rows + row) * width + (i % width)]!;
    }
  }
  return out;
}

function takeRows(values: Float32Array, from: Int32Array, n: number): Float32Array {
  const out = values.slice();
  from.forEach((other, row) => {
    if (other >= 0) out.set(values.subarray(other * n, (other + 1) * n), row * n);
  });
  return out;
}

export const TRANSPOSED: Hypothesis = {
  id: 'transposed',
  title: 'result transposed',
  explanation: 'Rows and columns of the result are exchanged in memory, in every plane.',
  whereToLook: 'Row-major or column-major: the leading dimension that the matrix product or the copy writes with.',
  citations: [],
  catalogue: [],
  generality: 3,
  *variants({ node: { ne }, wrong }) {
    const [n, rows] = ne;
    if (!wrong || n < 2 || rows < 2) return;
    const right = `${n} values per row`;
    const planes = (width: number) => (s: Site) => {
      const out = new Float32Array(s.right.length);
      for (let at = 0; at < out.length; at += n * rows) {
        out.set(transposed(s.right.subarray(at, at + n * rows), width), at);
      }
      return out;
    };
    yield { label: 'columns as rows', parameters: { written: 'columns as rows', right }, predict: planes(n) };
    if (n === rows) return;
    yield { label: 'rows as columns', parameters: { written: 'rows as columns', right }, predict: planes(rows) };
  },
};
