import { GGML_UNARY_OPS } from '../../../src/shared/graph/ggml-op';
import type { UnaryKind } from '../../../src/shared/ops/unary';
import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

function unary(g: GgmlBench, kind: UnaryKind, x: Tensor): Tensor {
  return kind === 'XIELU'
    ? g.op('ggml_xielu', 'Tffff', x, 0.8, 0.7, 0.5, -1e-6)
    : g.op('ggml_unary', 'Ti', x, GGML_UNARY_OPS.indexOf(kind));
}

/** Values apart by magnitude, since a large result hides what becomes of the small ones. */
const VALUES: Readonly<Record<string, ArrayLike<number>>> = {
  'from -100 to 100': Array.from({ length: 401 }, (_, i) => (i - 200) / 2),
  'close to 0': randomValues(65, 3).map((x) => x / 500),
  'infinities, NaN, zeros, subnormals, next to one half': [
    ...[Infinity, -Infinity, NaN, 0, -0, 1e-40, -1e-40, 1, -1],
    ...[0.5, -0.5, 0.49999997, -0.49999997, 1.5, -1.5, 2.5, 0.3],
  ],
  large: [3e38, -3e38, 1e30, -1e20, 8388609, 8388607.5, 65504, -65520, 1e6],
};

/** ggml has these for F32 and F16 only. */
const NO_BF16: ReadonlySet<UnaryKind> = new Set<UnaryKind>(['GELU', 'GELU_QUICK', 'GELU_ERF', 'SILU']);

function casesOf(kind: UnaryKind): OpCases {
  const scaled = randomValues(33 * 6, 7).map((x) => x * 6);
  return [
    ...Object.entries(VALUES).map(([name, values]): OpCase => ({
      kind,
      name,
      build: (g) => unary(g, kind, g.f32([values.length], values)),
    })),
    ...(['F16', 'BF16'] as const)
      .filter((type) => type === 'F16' || !NO_BF16.has(kind))
      .map((type): OpCase => ({
        kind,
        name: `${type}, odd rows`,
        build: (g) => unary(g, kind, g.float(type, [33, 6], scaled)),
      })),
  ];
}

/** A thin slice of the exponential: around its ends and where the branches of the kernel meet. */
const ENDS: OpCases = [
  ['EXP', 'its upper end', [87.9, 88, 88.01, 88.5, 88.72, 88.7229, 88.8, 200]],
  ['EXP', 'its lower end', [-86.9, -87, -86.5, -104, -200]],
  ['EXPM1', 'its upper end', [87.9, 88.5, 88.72, 88.8]],
  ['EXPM1', 'around 0 and its branches', [-18.1, -17.9, -1, -0.36, -0.34, 0.34, 0.36, 1, 1.5]],
  ['SOFTPLUS', 'around 20', [19.9, 20, 20.1, 19.5, 21]],
  ['SOFTPLUS', 'far below 0', [-5, -8, -10, -12]],
  ['GELU_ERF', 'far below 0', [-3, -3.5, -4, -4.5, -5]],
  ['GELU', 'around ±10, where the table ends', [-10.01, -10, -9.99, 9.99, 10, 10.01]],
  ['TANH', 'around 9, from where on it is 1', [8.9, 9, 9.1, -9, 10.1, -11]],
].map(([kind, name, values]) => ({
  kind: kind as UnaryKind,
  name: name as string,
  build: (g) => unary(g, kind as UnaryKind, g.f32([(values as number[]).length], values as number[])),
}));

const VIEWS: OpCases = (['SILU', 'GELU', 'EXP', 'XIELU'] as const).map((kind) => ({
  kind,
  // XIELU's rows may have gaps, its planes may not
  name: kind === 'XIELU' ? 'rows with gaps' : 'planes and rows exchanged, gaps',
  build: (g) => {
    const x = g.view(g.f32([40, 5, 4]), [33, 5, 4], [160, 800], 12);
    return unary(g, kind, kind === 'XIELU' ? x : g.permute(x, 0, 2, 1, 3));
  },
}));

const SHAPES: OpCases = [
  { kind: 'NEG', name: 'no elements', build: (g) => g.op('ggml_neg', 'T', g.f32([4, 0])) },
  { kind: 'SILU', name: 'one element', build: (g) => g.op('ggml_silu', 'T', g.f32([1], [0.3])) },
  { kind: 'SILU', name: 'in place', build: (g) => g.op('ggml_silu_inplace', 'T', g.f32([65, 3])) },
  {
    kind: 'XIELU',
    name: 'other parameters',
    build: (g) => g.op('ggml_xielu', 'Tffff', g.f32([65], randomValues(65, 8)), -2, 3, -0.5, -0.25),
  },
];

export const UNARY: OpCases = [...GGML_UNARY_OPS.flatMap(casesOf), ...ENDS, ...VIEWS, ...SHAPES];
