import type { OpCase, OpCases } from '../op-case';

/** Few different values, so that many are equal. */
function ties(count: number): number[] {
  return Array.from({ length: count }, (_, i) => ((i * 7919) % 11) - 5);
}

const SIGNS = [0, -0, 1, -1, Infinity, -Infinity, 1e-40, -1e-40, 3e38, -3e38, 1.5, 0];

const ARGSORTS: OpCases = [0, 1].flatMap((order): OpCase[] => {
  const way = order === 0 ? 'ascending' : 'descending';
  return [
    ...[1, 2, 3, 8, 31, 64, 65, 257].map((n): OpCase => ({
      kind: 'ARGSORT',
      name: `rows of ${n}, ${way}`,
      build: (g) => g.op('ggml_argsort', 'Ti', g.f32([n, 3, 2]), order),
    })),
    { kind: 'ARGSORT', name: `5003 elements, ${way}`, build: (g) => g.op('ggml_argsort', 'Ti', g.f32([5003]), order) },
    {
      kind: 'ARGSORT',
      name: `equal values, ${way}`,
      build: (g) => g.op('ggml_argsort', 'Ti', g.f32([100, 2], ties(200)), order),
    },
    {
      kind: 'ARGSORT',
      name: `infinities, zeros and subnormal values, ${way}`,
      build: (g) => g.op('ggml_argsort', 'Ti', g.f32([12], SIGNS), order),
    },
    {
      kind: 'ARGSORT',
      name: `rows of a view, ${way}`,
      build: (g) => g.op('ggml_argsort', 'Ti', g.view(g.f32([20, 5]), [17, 5], [80], 8), order),
    },
  ];
});

const TOP_KS: OpCases = (
  [
    [1, 1],
    [5, 1],
    [8, 2],
    [64, 6],
    [128, 8],
    [65, 65],
    [257, 100],
    [5003, 40],
  ] as const
).map(([n, k]): OpCase => ({
  kind: 'TOP_K',
  name: `${k} of ${n}`,
  build: (g) => g.op('ggml_top_k', 'Ti', g.f32(n > 1000 ? [n] : [n, 3, 2]), k),
}));

export const SORT: OpCases = [
  ...ARGSORTS,
  ...TOP_KS,
  { kind: 'TOP_K', name: 'equal values', build: (g) => g.op('ggml_top_k', 'Ti', g.f32([100, 2], ties(200)), 17) },
  { kind: 'TOP_K', name: 'infinities, zeros', build: (g) => g.op('ggml_top_k', 'Ti', g.f32([12], SIGNS), 9) },
  {
    kind: 'TOP_K',
    name: 'masked scores',
    build: (g) => g.op('ggml_top_k', 'Ti', g.f32([6], [-Infinity, 3, -Infinity, 1, -Infinity, 2]), 4),
  },
  {
    kind: 'ARGSORT',
    name: 'experts: the first columns of the order',
    build: (g) => g.op('ggml_cont', 'T', g.op('ggml_argsort_top_k', 'Ti', g.f32([60, 7]), 4)),
  },
];
