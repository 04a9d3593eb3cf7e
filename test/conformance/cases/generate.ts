import type { OpCase, OpCases } from '../op-case';

const RANGES: readonly (readonly [number, number, number])[] = [
  [0, 1, 1],
  [0, 10, 1],
  [0, 1000, 1],
  [-3.7, 5.2, 0.1],
  [1e6, 1e6 + 100, 0.75],
  [0, 1, 1 / 3],
  [-100, 0, 0.37],
];

const FILLS: OpCases = [0, -0, 1, -Infinity, Infinity, NaN, 1e-40, 65520, 1 + 2 ** -11].flatMap((c): OpCase[] => [
  {
    kind: 'FILL',
    name: Object.is(c, -0) ? '-0' : `${c}`,
    build: (g) => g.op('ggml_fill', 'Tf', g.f32([7, 3, 2, 2]), c),
  },
  {
    kind: 'FILL',
    name: `${Object.is(c, -0) ? '-0' : c}, F16`,
    build: (g) => g.op('ggml_fill', 'Tf', g.f16([5, 3]), c),
  },
]);

/** Moments of diffusion: up to 1000, whole or not. Larger ones only make ggml's f32 angle the less certain. */
const MOMENTS = [0, 1, 999, 1000, 0.5, 731.25, 3.1415927, 1e-6, -17];

const TIMESTEPS: OpCases = (
  [
    [320, 10_000],
    [33, 10_000],
    [2, 10_000],
    [1, 10_000],
    [256, 100],
    [64, 1],
    [16, 1_000_000],
  ] as const
).map(([dim, period]): OpCase => ({
  kind: 'TIMESTEP_EMBEDDING',
  name: `${dim} dimensions, period ${period}`,
  build: (g) => g.op('ggml_timestep_embedding', 'Tii', g.f32([MOMENTS.length], MOMENTS), dim, period),
}));

export const GENERATE: OpCases = [
  ...RANGES.map(([start, stop, step]): OpCase => ({
    kind: 'ARANGE',
    name: `${start} to ${stop} by ${step}`,
    build: (g) => g.op('ggml_arange', 'fff', start, stop, step),
  })),
  ...FILLS,
  {
    kind: 'FILL',
    name: 'in place',
    build: (g) => g.op('ggml_fill_inplace', 'Tf', g.op('ggml_cont', 'T', g.f32([9, 5])), 2.5),
  },
  ...TIMESTEPS,
  {
    kind: 'TIMESTEP_EMBEDDING',
    name: 'computed moments',
    build: (g) => g.op('ggml_timestep_embedding', 'Tii', g.op('ggml_scale', 'Tf', g.f32([5]), 800), 32, 10_000),
  },
];
