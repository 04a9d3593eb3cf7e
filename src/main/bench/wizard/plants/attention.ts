/** Attention gone wrong: rows 17 to 23, 35, 37, 38, 43, masks and scales; written from ggml's SOFT_MAX and MUL_MAT. */
import { f32FromBits } from '../../../../shared/base/float-bits';
import type { Graph, GraphTensor } from '../../../../shared/graph/graph';
import { tensorOf } from '../../../../shared/graph/graph';
import { defined } from '../../../../shared/base/assert';
import { setRows } from '../engine-values';
import type { EnginePlant, Mutation, Site, Turn } from '../plant';
import { plantAt } from '../plant';
import { toHalf } from './wrong-decoders';

const ATTENTION = [
  'specimen',
  'tiny',
  'llama-dense',
  'qwen2-dense',
  'smollm2',
  'made-bias',
  'qwen3moe-moe',
  'made-k',
  'sample',
];
/** Models with several heads to each head of K and V, and several of these. */
const GROUPED = ['tiny', 'smollm2', 'made-bias', 'made-k', 'made-legacy', 'made-gemma2'];

const isSoftMax = (n: GraphTensor): boolean => n.kind === 'SOFT_MAX' && n.name.startsWith('kq_soft_max');
const isScores = (n: GraphTensor): boolean => n.kind === 'MUL_MAT' && /^kq-\d/.test(n.name);
const isSums = (n: GraphTensor): boolean => n.kind === 'MUL_MAT' && /^kqv-\d/.test(n.name);

interface SoftMaxSettings {
  scale: number;
  /** Added to a score: [n_kv, rows] for all heads. */
  mask: Float32Array;
  sinks: Float32Array | undefined;
  /** Taken off before the exponential. */
  top: (greatest: number) => number;
  exp: (x: number) => number;
}

export function softMaxSettings(turn: Turn): SoftMaxSettings {
  const [, mask, sinks] = turn.tensor.src;
  return {
    scale: f32FromBits(turn.tensor.opParams[0] ?? 0),
    mask: mask === undefined ? new Float32Array(turn.tensor.ne[0] * turn.tensor.ne[1]) : turn.source(1),
    sinks: sinks === undefined ? undefined : turn.source(2),
    top: (greatest) => greatest,
    exp: Math.exp,
  };
}

/** Powers and sums in f32, as engines have them. */
export function softMax(x: Float32Array, [n, rows, heads]: readonly number[], s: SoftMaxSettings): Float32Array {
  const out = new Float32Array(x.length);
  const width = n ?? 1;
  const logits = new Float32Array(width);
  for (let r = 0; r < (rows ?? 1) * (heads ?? 1); r++) {
    const sink = s.sinks?.[Math.floor(r / (rows ?? 1))];
    let greatest = sink ?? -Infinity;
    for (let i = 0; i < width; i++) {
      logits[i] = (x[r * width + i] as number) * s.scale + (s.mask[(r % (rows ?? 1)) * width + i] ?? 0);
      greatest = Math.max(greatest, logits[i] as number);
    }
    const top = s.top(greatest);
    let sum = sink === undefined ? 0 : Math.fround(s.exp(sink - top));
    for (let i = 0; i < width; i++) {
      const power = Math.fround(s.exp((logits[i] as number) - top));
      out[r * width + i] = power;
      sum = Math.fround(sum + power);
    }
    for (let i = 0; i < width; i++) out[r * width + i] = (out[r * width + i] as number) / sum;
  }
  return out;
}

function softMaxWith(change: (s: SoftMaxSettings, turn: Turn) => void): Mutation {
  return (turn) => {
    const settings = softMaxSettings(turn);
    change(settings, turn);
    return softMax(turn.source(0), turn.tensor.ne, settings);
  };
}

/** The mask of each row with another rule: `sees(row, column, tokens)` opens or closes; undefined leaves as it is. */
function masked(sees: (row: number, column: number, tokens: number) => boolean | undefined): Mutation {
  return softMaxWith((s, { tensor }) => {
    const [n, tokens] = tensor.ne;
    s.mask = s.mask.map((m, i) => {
      const open = sees(Math.floor(i / n), i % n, tokens);
      return open === undefined ? m : open ? 0 : -Infinity;
    });
  });
}

interface SoftMaxPlant extends Omit<EnginePlant, 'kind' | 'plant'> {
  readonly draw: (site: Site) => readonly [Mutation, string];
}

const SOFT_MAX: readonly SoftMaxPlant[] = [
  {
    ...{ name: 'attention-scale', reduced: true, row: 0, title: 'attention scale missing or another' },
    ...{ models: ATTENTION, instances: 4 },
    draw: ({ random, nodes }) => {
      const now = f32FromBits(nodes.find(isSoftMax)?.opParams[0] ?? 0);
      const factor = random.pick([1 / now, now, Math.SQRT2, 0.5]);
      return [softMaxWith((s) => void (s.scale *= factor)), `times ${factor.toPrecision(4)}`];
    },
  },
  {
    ...{
      name: 'mask-off-by-one',
      reduced: true,
      row: 0,
      title: 'the causal mask off by one',
      models: ATTENTION,
      instances: 3,
    },
    draw: ({ random }) =>
      random.chance(0.5)
        ? [masked((row, column) => (column === row + 1 ? true : undefined)), 'sees the next token']
        : [masked((row, column) => (column === row && row > 0 ? false : undefined)), 'does not see itself'],
  },
  {
    ...{ name: 'mask-missing', row: 0, title: 'no causal mask', models: ATTENTION, instances: 2 },
    draw: () => [masked((_row, column, tokens) => column < tokens), 'sees all tokens'],
  },
  {
    ...{ name: 'unfilled-rows', row: 43, title: 'rows of the cache that nobody wrote are attended to' },
    ...{ models: ATTENTION, instances: 2 },
    draw: ({ random }) => {
      const more = random.integer(3, 24);
      return [
        masked((_r, column, tokens) => (column >= tokens && column < tokens + more ? true : undefined)),
        `${more} rows`,
      ];
    },
  },
  {
    ...{ name: 'window-ignored', row: 37, title: 'the sliding window ignored', instances: 2 },
    models: ['made-gemma2', 'made-gelu'],
    draw: () => [masked((row, column) => column <= row), 'full causal mask'],
  },
  {
    ...{ name: 'window-off-by-one', row: 37, title: 'the sliding window one token too wide', instances: 1 },
    models: ['made-gemma2'],
    draw: () => [widened, '1 more'],
  },
  {
    ...{ name: 'sinks-ignored', row: 0, title: 'attention sinks left out', models: ['gpt-oss-moe'], instances: 1 },
    draw: () => [softMaxWith((s) => void (s.sinks = undefined)), 'no sinks'],
  },
  {
    ...{ name: 'soft-max-no-maximum', row: 23, title: 'exponentials without the maximum taken off' },
    ...{ models: ['made-steep', 'made-loud'], instances: 2 },
    draw: () => [softMaxWith((s) => void (s.top = () => 0)), 'overflow and underflow'],
  },
  {
    ...{ name: 'soft-max-initial-zero', row: 20, title: 'the maximum starts at 0 for −∞', instances: 1 },
    models: ['made-steep'],
    draw: () => [softMaxWith((s) => void (s.top = (greatest) => Math.max(greatest, 0))), 'rows below 0 underflow'],
  },
  {
    ...{ name: 'masked-nan', row: 21, title: 'masked scores become NaN under finite-math-only', instances: 1 },
    models: ['tiny', 'llama-dense'],
    draw: () => [
      (turn) => {
        const mask = turn.source(1);
        const size = turn.tensor.ne[0] * turn.tensor.ne[1];
        return turn.right().map((x, i) => (mask[i % size] === -Infinity ? NaN : x));
      },
      'NaN where masked',
    ],
  },
];

const widened: Mutation = softMaxWith((s, { tensor }) => {
  const [n] = tensor.ne;
  s.mask = s.mask.map((m, i) => {
    const column = i % n;
    const row = Math.floor(i / n);
    return m === -Infinity && column < row && s.mask[i + 1] !== -Infinity ? 0 : m;
  });
});

function softMaxPlant({ draw, ...plant }: SoftMaxPlant): EnginePlant {
  return {
    ...plant,
    kind: 'engine',
    plant: (site) => {
      const [mutation, note] = draw(site);
      return plantAt(site, site.nodes.filter(isSoftMax), mutation, note);
    },
  };
}

/** dst[h][t][m] = Σ a[matrix of h][m][k] b[h][t][k]: which matrix of A each head of B reads. */
function headProducts(turn: Turn, matrixOf: (head: number, heads: number, matrices: number) => number): Float32Array {
  const [a, b] = turn.tensor.src.map((id) => tensorOf(turn.graph, defined(id, 'a source')).ne);
  const [k, m, matrices] = defined(a, 'A');
  const [, tokens, heads] = defined(b, 'B');
  const [x, y] = [turn.source(0), turn.source(1)];
  const out = new Float32Array(m * tokens * heads);
  for (let h = 0; h < heads; h++) {
    const plane = matrixOf(h, heads, matrices) * m * k;
    for (let t = 0; t < tokens; t++) {
      for (let r = 0; r < m; r++) {
        out[(h * tokens + t) * m + r] = turn.dot(x, plane + r * k, y, (h * tokens + t) * k, k);
      }
    }
  }
  return out;
}

const GROUPS: EnginePlant = {
  ...{
    kind: 'engine',
    name: 'gqa-tiled',
    reduced: true,
    row: 38,
    title: 'heads of K or V tiled where they are repeated',
  },
  ...{ models: GROUPED, instances: 4 },
  plant: (site) => {
    const nodes = site.nodes.filter(site.random.chance(0.5) ? isScores : isSums);
    const divisor = site.random.chance(0.4);
    const mutation: Mutation = (turn) =>
      headProducts(turn, (h, heads, matrices) =>
        divisor ? Math.min(matrices - 1, Math.floor(h / (heads / matrices + 1))) : h % matrices,
      );
    return plantAt(site, nodes, mutation, divisor ? 'divisor one too large' : 'head modulo K heads');
  },
};

const isOverflowing = (n: GraphTensor): boolean => isScores(n) || n.kind === 'SWIGLU';

const OVERFLOW: EnginePlant = {
  ...{ kind: 'engine', name: 'f16-overflow', row: 17, title: 'scores or products held in f16 overflow' },
  ...{ models: ['made-loud', 'made-loud'], instances: 2 },
  plant: (site) => plantAt(site, site.nodes.filter(isOverflowing), (turn) => turn.right().map(toHalf), 'f16'),
};

/** Row 18: every partial sum rounded to f16, and no word of it in the dump. */
const HALF_SUMS: EnginePlant = {
  ...{ kind: 'engine', name: 'f16-accumulator', row: 18, title: 'dot products added up in f16', weak: true },
  ...{ models: ['made-loud', 'made-f16', 'tiny', 'made-steep'], instances: 2 },
  plant: (site) => plantAt(site, site.nodes.filter(isScores), halfSums, 'K·Q, undeclared'),
};

const halfSums: Mutation = (turn) => {
  const [a, b] = turn.tensor.src.map((id) => tensorOf(turn.graph, defined(id, 'a source')).ne);
  const [k, m, matrices] = defined(a, 'A');
  const [, tokens, heads] = defined(b, 'B');
  const [x, y] = [turn.source(0), turn.source(1).map(toHalf)];
  const out = new Float32Array(m * tokens * heads);
  for (let row = 0; row < tokens * heads; row++) {
    const plane = Math.floor(Math.floor(row / tokens) / (heads / matrices)) * m * k;
    // Rows that nobody wrote are zero: their sums too.
    for (let r = 0; r < m; r++) {
      let sum = 0;
      for (let i = 0; i < k; i++)
        sum = toHalf(sum + toHalf((x[plane + r * k + i] as number) * (y[row * k + i] as number)));
      out[row * m + r] = sum;
    }
  }
  return out;
};

/** Heads not brought back behind the tokens: the permuted view copied as it lies in memory. */
const HEADS_NOT_MERGED: EnginePlant = {
  ...{ kind: 'engine', name: 'strides-ignored', row: 29, title: 'a permuted view read as if it had no strides' },
  ...{ models: ATTENTION, instances: 2 },
  plant: (site) =>
    plantAt(
      site,
      site.nodes.filter((n) => n.kind === 'CONT' && n.name.startsWith('kqv_out')),
      (turn) => Float32Array.from(turn.valueOf(defined(ownerOf(turn.graph, turn.tensor), 'what it copies').key)),
      'heads and tokens not exchanged',
    ),
};

function ownerOf(graph: Graph, node: GraphTensor): GraphTensor | undefined {
  const view = node.src[0] === undefined ? undefined : tensorOf(graph, node.src[0]);
  return view?.viewSrc === undefined ? view : tensorOf(graph, view.viewSrc);
}

/** Row 35: an engine without softcap has none of its nodes, or has them and passes values through. */
const SOFTCAP: EnginePlant = {
  ...{ kind: 'engine', name: 'softcap-missing', row: 35, title: 'the softcap of scores or logits missing' },
  ...{ models: ['made-gemma2', 'gemma2-dense', 'gemma2-dense.F32'], instances: 3 },
  plant: (site) => {
    const through: Mutation = (turn) => turn.source(0);
    const tanhs = site.nodes.filter((n) => n.kind === 'TANH');
    if (tanhs.length === 0) return undefined;
    const tanh = site.random.pick(tanhs);
    const before = site.sourceOf(tanh, 0);
    const after = site.nodes.find((n) => site.sourceOf(n, 0)?.id === tanh.id);
    if (!before || !after) return undefined;
    const absent = [before.key, tanh.key];
    return {
      mutations: new Map([before, tanh, after].map((n) => [n.key, through])),
      note: tanh.name.startsWith('kq') ? 'scores' : 'logits',
      without: absent,
    };
  },
};

const isCacheWrite = (n: GraphTensor): boolean => n.op === 'SET_ROWS' && n.name.startsWith('cache_k');

/** Row 43: K of a decode step lies in another row than the mask says. */
const CACHE_ROW: EnginePlant = {
  ...{
    kind: 'engine',
    name: 'cache-row',
    reduced: true,
    row: 43,
    title: 'the cache written one row too far in decode steps',
  },
  ...{ models: ['tiny', 'made-bias', 'llama-dense', 'sample'], instances: 3, steps: 2 },
  plant: (site) => {
    const by = site.random.pick([1, -1]);
    const mutation: Mutation = (turn) =>
      setRows(
        turn.tensor,
        turn.source(0),
        turn.source(1).map((row) => row + by),
        turn.before(),
      );
    const planted = plantAt(site, site.nodes.filter(isCacheWrite), mutation, `by ${by}`);
    return planted && { ...planted, step: 1 };
  },
};

/** Row 43: the write of one token is lost. */
const CACHE_LOST: EnginePlant = {
  ...{ kind: 'engine', name: 'cache-row-lost', row: 43, title: "one token's keys never reach the cache" },
  ...{ models: ['tiny', 'qwen2-dense', 'made-k'], instances: 2 },
  plant: (site) => {
    const token = site.random.integer(1, 4);
    const mutation: Mutation = (turn) => {
      const [width] = turn.tensor.ne;
      const right = turn.right();
      const row = turn.source(1)[token] ?? 0;
      right.set(turn.before().subarray(row * width, (row + 1) * width), row * width);
      return right;
    };
    return plantAt(site, site.nodes.filter(isCacheWrite), mutation, `token ${token}`);
  },
};

/** Only some head is wrong: its values are another's. */
const ONE_HEAD: EnginePlant = {
  ...{ kind: 'engine', name: 'one-head', row: 0, title: 'one head gives the result of another' },
  ...{ models: ATTENTION, instances: 2 },
  plant: (site) => {
    const nodes = site.nodes.filter(isSums);
    const [width = 0, tokens = 0, heads = 0] = nodes[0]?.ne ?? [];
    if (heads < 2) return undefined;
    const head = site.random.integer(1, heads - 1);
    const size = width * tokens;
    return plantAt(site, nodes, (turn) => copyHead(turn.right(), size, head), `head ${head} of ${heads}`);
  },
};

function copyHead(values: Float32Array, size: number, head: number): Float32Array {
  values.copyWithin(head * size, (head - 1) * size, head * size);
  return values;
}

export const ATTENTION_PLANTS: readonly EnginePlant[] = [
  ...SOFT_MAX.map(softMaxPlant),
  ...[GROUPS, OVERFLOW, HALF_SUMS, HEADS_NOT_MERGED, SOFTCAP, CACHE_ROW, CACHE_LOST, ONE_HEAD],
];
