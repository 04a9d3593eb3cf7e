import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

const ROW_OPS = ['SUM_ROWS', 'MEAN', 'CUMSUM'] as const;
type Reduction = (typeof ROW_OPS)[number] | 'SUM' | 'ARGMAX';

function reduce(g: GgmlBench, kind: Reduction, x: Tensor): Tensor {
  return g.op(`ggml_${kind.toLowerCase()}`, 'T', x);
}

const positive = (count: number, seed: number): Float32Array => randomValues(count, seed).map(Math.abs);

/** Rows exchanged with planes, gaps between all. */
function view(g: GgmlBench): Tensor {
  return g.permute(g.view(g.f32([80, 5, 4]), [67, 5, 4], [320, 1600], 12), 0, 2, 1, 3);
}

const ROWS: OpCases = ROW_OPS.flatMap((kind) => [
  ...[1, 3, 64, 65, 257, 4099].map((n): OpCase => ({
    kind,
    name: `rows of ${n}`,
    build: (g) => reduce(g, kind, g.f32([n, 2, 3])),
  })),
  { kind, name: 'planes and rows exchanged, gaps', build: (g) => reduce(g, kind, view(g)) },
  {
    kind,
    name: 'infinities and NaN',
    build: (g) =>
      reduce(
        g,
        kind,
        g.f32(
          [4, 5],
          [
            ...[1, Infinity, 2, -1],
            ...[-Infinity, 1, 2, 0],
            ...[1, NaN, 2, 3],
            ...[2, Infinity, 3, -Infinity],
            ...[1, 2, 3, 4],
          ],
        ),
      ),
  },
  { kind, name: 'no rows', build: (g) => reduce(g, kind, g.f32([5, 0])) },
  { kind, name: 'empty rows', build: (g) => reduce(g, kind, g.f32([0, 3])) },
  // f32 would lose the small terms one by one
  {
    kind,
    name: 'a large term first',
    build: (g) => reduce(g, kind, g.f32([513], [2 ** 24, ...positive(512, 4)])),
  },
]);

const SUMS: OpCases = [
  ...[[1], [3, 2], [65, 3, 2, 2], [4099, 3]].map((ne): OpCase => ({
    kind: 'SUM',
    name: `[${ne.join(', ')}]`,
    build: (g) => reduce(g, 'SUM', g.f32(ne)),
  })),
  ...(['F16', 'BF16'] as const).map((type): OpCase => ({
    kind: 'SUM',
    // few and alike, so that one rounding to 16 bits decides: ggml adds them in f32
    name: `${type}, odd rows`,
    build: (g) => reduce(g, 'SUM', g.float(type, [5, 3], positive(15, 3))),
  })),
  { kind: 'SUM', name: 'planes and rows exchanged, gaps', build: (g) => reduce(g, 'SUM', view(g)) },
  { kind: 'SUM', name: 'no elements', build: (g) => reduce(g, 'SUM', g.f32([3, 0])) },
  { kind: 'SUM', name: 'an infinity', build: (g) => reduce(g, 'SUM', g.f32([3], [1, -Infinity, 2])) },
  {
    kind: 'SUM',
    name: 'large terms that cancel',
    build: (g) => reduce(g, 'SUM', g.f32([4], [1e8, 0.25, -1e8, 0.5])),
  },
];

const ARGMAX: OpCases = [
  ...[1, 2, 63, 65, 257, 4099].map((n): OpCase => ({
    kind: 'ARGMAX',
    name: `rows of ${n}`,
    build: (g) => reduce(g, 'ARGMAX', g.f32([n, 5])),
  })),
  {
    kind: 'ARGMAX',
    name: 'rows with gaps',
    build: (g) => reduce(g, 'ARGMAX', g.view(g.f32([80, 6]), [67, 5], [320], 12)),
  },
  {
    kind: 'ARGMAX',
    name: 'subnormals, zeros, negative numbers',
    build: (g) =>
      reduce(g, 'ARGMAX', g.f32([4, 4], [1e-40, 2e-40, 0, -1, -3, -1e-40, -2e-40, -1, -5, -2, -3, -4, 0, -0, -1, 0])),
  },
  {
    kind: 'ARGMAX',
    name: 'infinities',
    build: (g) =>
      reduce(
        g,
        'ARGMAX',
        g.f32([3, 3], [1, Infinity, 2, -Infinity, -Infinity, -Infinity, -Infinity, -3e38, -Infinity]),
      ),
  },
  {
    kind: 'ARGMAX',
    name: 'NaNs: the last run of numbers decides',
    build: (g) =>
      reduce(
        g,
        'ARGMAX',
        g.f32(
          [5, 5],
          [
            ...[5, NaN, 3, 4, 1],
            ...[9, 8, NaN, NaN, 2],
            ...[1, 7, 2, NaN, NaN],
            ...[NaN, NaN, NaN, NaN, NaN],
            ...[NaN, 6, NaN, 3, NaN],
          ],
        ),
      ),
  },
  { kind: 'ARGMAX', name: 'no rows', build: (g) => reduce(g, 'ARGMAX', g.f32([5, 0])) },
];

export const REDUCTIONS: OpCases = [...ROWS, ...SUMS, ...ARGMAX];
