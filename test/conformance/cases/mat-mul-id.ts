import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { randomWords } from '../../helpers/random';
import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';
import { MULTIPLIED } from './mat-mul';

interface Shape {
  readonly k: number;
  readonly rows: number;
  readonly experts: number;
  /** Experts per token. */
  readonly used: number;
  readonly tokens: number;
  /** Columns per token: `used`, or a number that divides it. */
  readonly columns?: number;
}

const SMALL: Shape = { k: 33, rows: 7, experts: 4, used: 2, tokens: 5 };

interface Parts {
  readonly experts: (g: GgmlBench, s: Shape) => Tensor;
  readonly activations: (g: GgmlBench, s: Shape) => Tensor;
  readonly ids: (g: GgmlBench, s: Shape) => Tensor;
}

/** The first `used` of a random order of experts for every token. */
function chosen(s: Shape): number[] {
  const words = randomWords(s.experts * s.tokens, 77);
  return Array.from({ length: s.tokens }, (_, t) => {
    const order = Array.from({ length: s.experts }, (_, e) => e);
    return order.sort((a, b) => words[t * s.experts + a]! - words[t * s.experts + b]!).slice(0, s.used);
  }).flat();
}

const ORDINARY: Parts = {
  experts: (g, s) => g.f32([s.k, s.rows, s.experts]),
  activations: (g, s) => g.f32([s.k, s.columns ?? s.used, s.tokens]),
  ids: (g, s) => g.i32([s.used, s.tokens], chosen(s)),
};

function mulMatId(name: string, shape: Shape, parts: Partial<Parts> = {}): OpCase {
  const { experts, activations, ids } = { ...ORDINARY, ...parts };
  return {
    kind: 'MUL_MAT_ID',
    name,
    build: (g) => g.op('ggml_mul_mat_id', 'TTT', experts(g, shape), activations(g, shape), ids(g, shape)),
  };
}

const weights =
  (type: GgmlTypeName): Parts['experts'] =>
  (g, s) =>
    g.weight(type, [s.k, s.rows, s.experts]);

/** 17 pairs for 2 experts: from 8 on ggml multiplies panels of the I-quants. */
const FORMATS = [
  ...MULTIPLIED.map((type) => mulMatId(type, { ...SMALL, k: 256 }, { experts: weights(type) })),
  ...(['F32', 'Q5_0', 'IQ2_XXS', 'IQ1_M'] as const).map((type) =>
    mulMatId(`${type}, full tiles`, { k: 256, rows: 5, experts: 2, used: 1, tokens: 17 }, { experts: weights(type) }),
  ),
];

const SHAPES = [
  mulMatId('one token', { ...SMALL, tokens: 1 }),
  mulMatId('one column for all experts of a token', { ...SMALL, columns: 1 }),
  mulMatId('columns that repeat', { ...SMALL, used: 4, columns: 2 }),
  mulMatId('one expert', { ...SMALL, experts: 1, used: 1 }),
  mulMatId('all experts', { ...SMALL, used: 4 }),
  mulMatId('more experts than pairs', { ...SMALL, experts: 61 }),
  mulMatId('one row', { ...SMALL, rows: 1 }),
  mulMatId('rows of one element', { ...SMALL, k: 1 }),
  mulMatId('131 rows, 40 tokens', { k: 64, rows: 131, experts: 8, used: 3, tokens: 40 }, { experts: weights('Q4_0') }),
  mulMatId('long rows', { ...SMALL, k: 7168 }, { experts: weights('Q4_K') }),
  mulMatId('no tokens', { ...SMALL, tokens: 0 }),
];

const IDS = [
  mulMatId('every token chooses the same expert, once per slot', SMALL, {
    ids: (g, s) => g.i32([s.used, s.tokens], new Array<number>(s.used * s.tokens).fill(3)),
  }),
  mulMatId('expert numbers that are a view with gaps', SMALL, {
    ids: (g, s) => g.view(g.i32([s.experts, s.tokens], chosen({ ...s, used: s.experts })), [s.used, s.tokens], [16]),
  }),
  mulMatId(
    'the best of computed scores',
    { ...SMALL, experts: 9, used: 3 },
    {
      ids: (g, s) => {
        const order = g.op('ggml_argsort', 'Ti', g.f32([s.experts, s.tokens]), 1);
        return g.view(order, [s.used, s.tokens], [4 * s.experts]);
      },
    },
  ),
];

const FLOATS = ['F16', 'BF16'] as const;

const OPERANDS = [
  ...FLOATS.map((type) =>
    mulMatId(`${type} experts and activations`, SMALL, {
      experts: weights(type),
      activations: (g, s) => g.float(type, [s.k, s.used, s.tokens]),
    }),
  ),
  mulMatId('permuted activations', SMALL, {
    activations: (g, s) => g.permute(g.f32([s.k, s.tokens, s.used]), 0, 2, 1, 3),
  }),
  mulMatId(
    'permuted activations, converted',
    { ...SMALL, k: 64 },
    {
      experts: weights('Q5_1'),
      activations: (g, s) => g.permute(g.f32([s.k, s.tokens, s.used]), 0, 2, 1, 3),
    },
  ),
  mulMatId('half of the rows of each expert', SMALL, {
    experts: (g, s) => {
      const row = 4 * s.k;
      return g.view(
        g.f32([s.k, 2 * s.rows, s.experts]),
        [s.k, s.rows, s.experts],
        [row, 2 * s.rows * row],
        s.rows * row,
      );
    },
  }),
  mulMatId('experts between one another’s rows', SMALL, {
    experts: (g, s) => g.permute(g.f32([s.k, s.experts, s.rows]), 0, 2, 1, 3),
  }),
  mulMatId('computed experts', SMALL, {
    experts: (g, s) => g.op('ggml_scale', 'Tf', g.f32([s.k, s.rows, s.experts]), 3),
  }),
  ...[NaN, -Infinity].map((value) =>
    mulMatId(`an activation of ${value}`, SMALL, {
      activations: (g, s) => {
        const values = randomValues(s.k * s.used * s.tokens, 12);
        values[100] = value;
        return g.f32([s.k, s.used, s.tokens], values);
      },
    }),
  ),
];

/** MUL_MAT_ID: the experts of mixture models. */
export const MAT_MUL_ID: OpCases = [...FORMATS, ...SHAPES, ...IDS, ...OPERANDS];
