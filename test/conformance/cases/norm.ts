import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

const ROW_NORMS = ['NORM', 'RMS_NORM', 'L2_NORM'] as const;
type RowNorm = (typeof ROW_NORMS)[number];

function norm(g: GgmlBench, kind: RowNorm, x: Tensor, eps = 1e-5): Tensor {
  return g.op(`ggml_${kind.toLowerCase()}`, 'Tf', x, eps);
}

function rowsOf(kind: RowNorm): OpCases {
  return [
    ...[1, 3, 31, 64, 65, 257, 4099].map((n): OpCase => ({
      kind,
      name: `rows of ${n}`,
      build: (g) => norm(g, kind, g.f32([n, 3])),
    })),
    {
      kind,
      name: 'planes and rows exchanged, gaps',
      build: (g) => norm(g, kind, g.permute(g.view(g.f32([80, 5, 4]), [67, 5, 4], [320, 1600], 12), 0, 2, 1, 3)),
    },
    // the sum of the squares of a zero row is 0: 0 / 0 without eps, but L2_NORM of it has no other guard than eps
    {
      kind,
      name: 'zeros, and rows that eps rules',
      build: (g) => norm(g, kind, g.f32([5, 2], [0, 0, 0, 0, 0, 1e-4, -2e-4, 3e-4, 0, 1e-4]), 1e-3),
    },
    { kind, name: 'zeros without eps', build: (g) => norm(g, kind, g.f32([3], [0, 0, 0]), 0) },
    {
      kind,
      name: 'rows with infinities and NaN',
      build: (g) =>
        norm(g, kind, g.f32([4, 4], [1, Infinity, 2, -1, -Infinity, 1, 2, 0, 1, NaN, 2, 3, Infinity, NaN, 1, 2])),
    },
    { kind, name: 'no rows', build: (g) => norm(g, kind, g.f32([5, 0])) },
    { kind, name: 'a large eps', build: (g) => norm(g, kind, g.f32([65]), 100) },
    {
      kind,
      name: 'in place',
      build: (g) => g.op(`ggml_${kind.toLowerCase()}_inplace`, 'Tf', g.f32([65, 3]), 1e-6),
    },
  ];
}

const PARTICULAR: OpCases = [
  // squares beyond f32, as ggml squares: a factor of 0
  { kind: 'RMS_NORM', name: 'squares that overflow', build: (g) => norm(g, 'RMS_NORM', g.f32([3], [1e20, -3e20, 1])) },
  { kind: 'L2_NORM', name: 'squares that overflow', build: (g) => norm(g, 'L2_NORM', g.f32([3], [1e20, -3e20, 1])) },
  {
    kind: 'NORM',
    name: 'an offset a thousand times the spread',
    build: (g) =>
      norm(
        g,
        'NORM',
        g.f32(
          [515, 2],
          randomValues(1030, 4).map((x) => 1000 + x),
        ),
      ),
  },
  { kind: 'NORM', name: 'equal values', build: (g) => norm(g, 'NORM', g.f32([3], [0.1, 0.1, 0.1])) },
  {
    kind: 'NORM',
    name: 'a transposed source',
    build: (g) => norm(g, 'NORM', g.permute(g.f32([5, 67]), 1, 0, 2, 3)),
  },
  {
    kind: 'L2_NORM',
    name: 'a transposed source',
    build: (g) => norm(g, 'L2_NORM', g.permute(g.f32([5, 67]), 1, 0, 2, 3)),
  },
];

const GROUPS: OpCases = (
  [
    ['equal groups', [7, 5, 6, 2], 3, 1e-6],
    ['a smaller last group', [5, 3, 7, 2], 3, 1e-6],
    ['groups without channels', [9, 2, 6, 1], 5, 1e-6],
    ['one group', [31, 3, 4, 1], 1, 1e-5],
    ['more groups than channels', [33, 2, 3, 1], 32, 1e-5],
    ['a large eps', [8, 8, 4, 1], 2, 10],
    ['no eps', [65, 1, 4, 1], 2, 0],
    ['no elements', [4, 2, 0, 1], 2, 1e-6],
  ] as const
).map(([name, ne, groups, eps]) => ({
  kind: 'GROUP_NORM',
  name,
  build: (g) => g.op('ggml_group_norm', 'Tif', g.f32(ne), groups, eps),
}));

const GROUP_EDGES: OpCases = [
  {
    kind: 'GROUP_NORM',
    name: 'planes and rows exchanged, gaps',
    build: (g) => {
      const x = g.permute(g.view(g.f32([20, 5, 4]), [17, 5, 4], [80, 400], 4), 0, 2, 1, 3);
      return g.op('ggml_group_norm', 'Tif', x, 2, 1e-5);
    },
  },
  {
    kind: 'GROUP_NORM',
    name: 'an infinity and a NaN each in a group of their own',
    build: (g) => {
      const x = randomValues(24, 3);
      x[2] = Infinity;
      x[13] = NaN;
      return g.op('ggml_group_norm', 'Tif', g.f32([4, 1, 6], x), 3, 1e-5);
    },
  },
];

export const NORM: OpCases = [...ROW_NORMS.flatMap(rowsOf), ...PARTICULAR, ...GROUPS, ...GROUP_EDGES];
