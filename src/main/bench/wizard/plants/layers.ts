/** Norms, residuals, feed-forward, embeddings and single elements gone wrong: rows 13, 20, 24, 30 to 36, 40, 41, 44. */
import { bf16ToF32, f32FromBits, f32ToBf16 } from '../../../../shared/base/float-bits';
import type { GraphTensor } from '../../../../shared/graph/graph';
import { tensorOf } from '../../../../shared/graph/graph';
import type { EnginePlant, Mutation, Site, Turn } from '../plant';
import { plantAt } from '../plant';
import { takeRows } from './multiply';

const ANY = [
  'specimen',
  'tiny',
  'llama-dense',
  'qwen2-dense',
  'smollm2',
  'gemma2-dense',
  'made-k',
  'made-qk-norm',
  'phi3-dense',
];

/** x / sqrt(mean of squares + epsilon) per row; the squares that count are chosen by the caller. */
function rmsNorm(
  x: Float32Array,
  width: number,
  epsilon: number,
  counts: (i: number) => boolean = () => true,
): Float32Array {
  const out = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) if (counts(i)) sum += (x[row + i] as number) ** 2;
    const factor = 1 / Math.sqrt(sum / width + epsilon);
    for (let i = 0; i < width; i++) out[row + i] = (x[row + i] as number) * factor;
  }
  return out;
}

const epsilonOf = (turn: Turn): number => f32FromBits(turn.tensor.opParams[0] ?? 0);

/** A mul by a norm's weight, with another weight. */
function weighted(change: (weight: number) => number): Mutation {
  return (turn) => {
    const x = turn.source(0);
    const weight = turn.source(1);
    return x.map((v, i) => v * change(weight[i % weight.length] as number));
  };
}

const isNormWeight = (site: Site, n: GraphTensor): boolean =>
  n.kind === 'MUL' && /norm\.weight$/.test(site.sourceOf(n, 1)?.name ?? '');

interface Simple extends Omit<EnginePlant, 'kind' | 'plant'> {
  readonly where: (n: GraphTensor, site: Site) => boolean;
  readonly draw: (site: Site) => readonly [Mutation, string];
}

function simple({ where, draw, ...plant }: Simple): EnginePlant {
  return {
    ...plant,
    kind: 'engine',
    plant: (site) => {
      const [mutation, note] = draw(site);
      return plantAt(
        site,
        site.nodes.filter((n) => where(n, site)),
        mutation,
        note,
      );
    },
  };
}

const source =
  (index: number): Mutation =>
  (turn) =>
    turn.source(index);

/** Whether the node adds what a branch gave to what went round it: no source is a weight. */
const isResidual = (n: GraphTensor, site: Site): boolean =>
  n.kind === 'ADD' &&
  [0, 1].every((i) => site.sourceOf(n, i)?.role === 'node') &&
  /^(ffn_inp|sa_out|l_out)-/.test(n.name);

const SIMPLE: readonly Simple[] = [
  {
    ...{ name: 'epsilon', reduced: true, row: 32, title: 'another epsilon', weak: true, instances: 3 },
    models: ['made-quiet', 'tiny', 'llama-dense', 'made-qk-norm'],
    where: (n) => n.kind === 'RMS_NORM',
    draw: ({ random }) => {
      const epsilon = random.pick([1e-6, 1e-3, 1e-12, random.between(2e-5, 9e-4)]);
      return [(turn) => rmsNorm(turn.source(0), turn.tensor.ne[0], epsilon), `ε = ${epsilon.toPrecision(3)}`];
    },
  },
  {
    ...{ name: 'partial-reduction', row: 24, title: 'lanes missing from the sum of squares', instances: 3 },
    models: ANY,
    where: (n) => n.kind === 'RMS_NORM',
    draw: ({ random }) => {
      const lanes = random.pick([33, 40, 48]);
      return [
        (turn) => rmsNorm(turn.source(0), turn.tensor.ne[0], epsilonOf(turn), (i) => i % lanes < 32),
        `32 of ${lanes} lanes`,
      ];
    },
  },
  {
    ...{ name: 'norm-offset-twice', row: 30, title: '1 added to a norm weight that has it', instances: 3 },
    models: ['gemma-dense', 'gemma2-dense', 'made-gemma2'],
    where: (n, site) => isNormWeight(site, n) && n.key !== 'result_norm',
    draw: () => [weighted((w) => w + 1), 'weight + 1'],
  },
  {
    ...{ name: 'final-norm-offset', row: 31, title: 'the 1 missing in the final norm', instances: 2 },
    models: ['gemma-dense', 'gemma2-dense', 'made-gemma2'],
    where: (n) => n.key === 'result_norm',
    draw: () => [weighted((w) => w - 1), 'weight − 1'],
  },
  {
    ...{ name: 'norm-weight-skipped', row: 0, title: 'the weight of a norm left out', instances: 2 },
    models: ANY,
    where: (n, site) => isNormWeight(site, n),
    draw: () => [source(0), 'weight 1'],
  },
  {
    ...{ name: 'qkv-bias', reduced: true, row: 33, title: 'the bias of Q, K or V dropped', instances: 3 },
    models: ['made-bias', 'qwen2-dense', 'gpt2-dense', 'llama-dense'],
    where: (n, site) => n.kind === 'ADD' && /attn_(q|k|v|qkv)\.bias$/.test(site.sourceOf(n, 1)?.name ?? ''),
    draw: () => [source(0), 'bias 0'],
  },
  {
    ...{
      name: 'residual',
      reduced: true,
      row: 0,
      title: 'a residual connection dropped, or the branch',
      models: ANY,
      instances: 3,
    },
    where: isResidual,
    draw: ({ random }) => {
      const kept = random.integer(0, 1);
      return [source(kept), kept === 0 ? 'source 1 missing' : 'source 0 missing'];
    },
  },
  {
    ...{ name: 'gate-up-swapped', row: 0, title: 'gate and up swapped', models: ANY, instances: 3 },
    where: (n) => n.kind === 'SWIGLU' || n.kind === 'GEGLU',
    draw: () => [
      (turn) => {
        const act = turn.tensor.kind === 'SWIGLU' ? silu : gelu;
        const [gate, up] = [turn.source(0), turn.source(1)];
        return gate.map((g, i) => act(up[i] as number) * g);
      },
      'activation on up',
    ],
  },
  {
    ...{ name: 'activation', row: 0, title: 'another activation', instances: 3 },
    models: ['tiny', 'gemma-dense', 'made-gemma2', 'sample', 'qwen3-dense'],
    where: (n) => n.kind === 'SWIGLU' || n.kind === 'GEGLU',
    draw: () => [
      (turn) => {
        const act = turn.tensor.kind === 'SWIGLU' ? gelu : silu;
        const [gate, up] = [turn.source(0), turn.source(1)];
        return gate.map((g, i) => act(g) * (up[i] as number));
      },
      'GELU for SiLU or the reverse',
    ],
  },
  {
    ...{ name: 'gelu-range', row: 20, title: 'tanh by exponentials is NaN for large inputs', instances: 2 },
    models: ['made-gelu', 'made-gemma2'],
    where: (n) => n.kind === 'GEGLU',
    draw: () => [
      (turn) => {
        const up = turn.source(1);
        return turn.source(0).map((g, i) => geluByPowers(g) * (up[i] as number));
      },
      'e^2x overflows',
    ],
  },
  {
    ...{ name: 'embedding-scale', row: 36, title: 'the embedding scale rounded to bf16, or missing', instances: 3 },
    models: ['made-gemma2', 'made-gelu', 'gemma2-dense'],
    where: (n) => n.key === 'inp_scaled',
    draw: ({ random }) => {
      const missing = random.chance(0.4);
      return [
        (turn) => {
          const scale = f32FromBits(turn.tensor.opParams[0] ?? 0);
          const other = missing ? 1 : bf16ToF32(f32ToBf16(scale));
          return turn.source(0).map((x) => x * other);
        },
        missing ? 'missing' : 'rounded',
      ];
    },
  },
  {
    ...{ name: 'token-shift', row: 40, title: 'a token twice at the beginning: rows of the embedding shifted' },
    ...{ models: ['tiny', 'llama-dense', 'made-legacy'], instances: 2 },
    where: (n) => n.key === 'embd',
    draw: () => [
      (turn) => {
        const right = turn.right();
        const width = turn.tensor.ne[0];
        return right.map((_, i) => right[i < width ? i : i - width] as number);
      },
      'by one row',
    ],
  },
  {
    ...{ name: 'fused-add-norm', row: 41, title: 'the fused norm reads before the residual is added' },
    ...{ models: ['tiny', 'llama-dense', 'made-k', 'qwen2-dense'], instances: 2 },
    where: (n, site) =>
      n.kind === 'RMS_NORM' &&
      site.sourceOf(n, 0)?.kind === 'ADD' &&
      /^(ffn_inp|l_out)-/.test(site.sourceOf(n, 0)?.name ?? ''),
    draw: () => [beforeResidual, 'branch only'],
  },
];

const silu = (x: number): number => x / (1 + Math.exp(-x));
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));

function geluByPowers(x: number): number {
  const power = Math.fround(Math.exp(2 * Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));
  return 0.5 * x * (1 + (power - 1) / (power + 1));
}

/** The norm of the first of the two that were to be added. */
const beforeResidual: Mutation = (turn) => {
  const sum = turn.tensor.src[0] === undefined ? undefined : tensorOf(turn.graph, turn.tensor.src[0]);
  const branch = sum?.src[0] === undefined ? undefined : tensorOf(turn.graph, sum.src[0]);
  return rmsNorm(branch ? turn.valueOf(branch.key) : turn.source(0), turn.tensor.ne[0], epsilonOf(turn));
};

/** Row 34: neither the norm of Q and K nor its weight; the engine has no such nodes. */
const QK_NORM: EnginePlant = {
  ...{ kind: 'engine', name: 'qk-norm', row: 34, title: 'the norm of Q or K skipped' },
  ...{ models: ['made-qk-norm', 'qwen3-dense', 'qwen3moe-moe'], instances: 3 },
  plant: (site) => {
    const muls = site.nodes.filter(
      (n) => n.kind === 'MUL' && /attn_[qk]_norm\.weight$/.test(site.sourceOf(n, 1)?.name ?? ''),
    );
    if (muls.length === 0) return undefined;
    const mul = site.random.pick(muls);
    const norm = site.sourceOf(mul, 0);
    if (!norm) return undefined;
    const absent = site.random.chance(0.5);
    return {
      mutations: new Map([norm, mul].map((n) => [n.key, source(0)])),
      note: absent ? 'no such nodes' : 'passed through',
      ...(absent ? { without: [norm.key, mul.key] } : {}),
    };
  },
};

/** Row 44: a scale reads the number that an earlier node was given. */
const STALE_SCALAR: EnginePlant = {
  ...{ kind: 'engine', name: 'stale-scalar', row: 44, title: "an earlier node's scalar is used" },
  ...{ models: ['made-gemma2', 'gemma2-dense', 'granitehybrid-dense'], instances: 3 },
  plant: (site) => {
    const scales = site.nodes.filter((n) => n.kind === 'SCALE' && n.ne[0] > 0);
    const stale = scales.flatMap((n, i) => {
      const before = scales[i - 1];
      return before && before.opParams[0] !== n.opParams[0] && before.opParams[0] !== 0 && n.opParams[0] !== 0
        ? [{ n, before }]
        : [];
    });
    if (stale.length === 0) return undefined;
    const { n, before } = site.random.pick(stale);
    const factor = f32FromBits(before.opParams[0] ?? 0);
    return {
      mutations: new Map([[n.key, (turn: Turn) => turn.source(0).map((x) => x * factor)]]),
      note: `${factor.toPrecision(4)} of ${before.key}`,
    };
  },
};

const PLACES: ReadonlySet<string> = new Set(['MUL_MAT', 'RMS_NORM', 'SWIGLU', 'ADD', 'MUL', 'SOFT_MAX', 'ROPE']);

/** A kernel that is wrong only past some row or column, or for one token. */
const ONLY_THERE: EnginePlant = {
  ...{ kind: 'engine', name: 'past-a-limit', row: 0, title: 'wrong only past some column, or for some tokens' },
  ...{ models: ANY, instances: 4 },
  plant: (site) => {
    const nodes = site.nodes.filter((n) => PLACES.has(n.kind) && n.ne[0] >= 32 && n.ne[1] >= 2);
    if (nodes.length === 0) return undefined;
    const node = site.random.pick(nodes);
    const [width, height] = node.ne;
    const column = site.random.integer(Math.floor(width / 2), width - 8);
    const token = site.random.integer(1, height - 1);
    const what = site.random.pick(['columns', 'rows'] as const);
    const mutation: Mutation = (turn) =>
      turn.right().map((x, i) => {
        const there = what === 'columns' ? i % width >= column : Math.floor(i / width) % height >= token;
        return there ? 0 : x;
      });
    return {
      mutations: new Map([[node.key, mutation]]),
      note:
        what === 'columns'
          ? `${node.key} from column ${column} of ${width}`
          : `${node.key} from row ${token} of ${height}`,
    };
  },
};

/** Row 15 in an engine: a mixture's router takes the worst experts, or weighs them wrongly. */
const EXPERT_WEIGHTS: EnginePlant = {
  ...{ kind: 'engine', name: 'expert-weights', row: 0, title: "experts' weights not normalised" },
  ...{ models: ['qwen3moe-moe', 'llama-moe', 'gpt-oss-moe', 'qwen3moe-moe.F32'], instances: 2 },
  plant: (site) =>
    plantAt(
      site,
      site.nodes.filter((n) => n.kind === 'DIV' || (n.kind === 'MUL' && n.name.startsWith('ffn_moe_weighted'))),
      source(0),
      'passed through',
    ),
};

/** Experts read by another index. */
const WRONG_EXPERT: EnginePlant = {
  ...{ kind: 'engine', name: 'wrong-expert', row: 0, title: 'the weights of another expert' },
  ...{ models: ['qwen3moe-moe', 'llama-moe', 'gpt-oss-moe', 'deepseek2-moe'], instances: 2 },
  plant: (site) => {
    const nodes = site.nodes.filter((n) => n.kind === 'ADD_ID');
    return plantAt(site, nodes, otherBias, 'bias of the next expert');
  },
};

const otherBias: Mutation = (turn) => {
  const [x, bias, ids] = [turn.source(0), turn.source(1), turn.source(2)];
  const width = turn.tensor.ne[0];
  const experts = bias.length / width;
  const added = takeRows(
    bias,
    width,
    ids.map((id) => (id + 1) % experts),
  );
  return x.map((v, i) => v + (added[i] as number));
};

export const LAYER_PLANTS: readonly EnginePlant[] = [
  ...SIMPLE.map(simple),
  ...[QK_NORM, STALE_SCALAR, ONLY_THERE, EXPERT_WEIGHTS, WRONG_EXPERT],
];
