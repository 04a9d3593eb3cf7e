import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

const MIXES = 24;

function wave(count: number, size: number, step = 0.73): number[] {
  return Array.from({ length: count }, (_, i) => size * Math.sin(i * step + step));
}

interface Comb {
  readonly tokens?: number;
  readonly iterations?: number;
  readonly eps?: number;
  readonly mixes?: readonly number[];
  readonly scale?: readonly number[];
}

function comb(name: string, c: Comb): OpCase {
  const { tokens = 3, iterations = 4, eps = 1e-6, scale = [9, 9, 0.5] } = c;
  return {
    kind: 'DSV4_HC_COMB',
    name,
    build: (g) => {
      const mixes = g.f32([MIXES, tokens], c.mixes ?? wave(MIXES * tokens, 2));
      const base = g.f32([MIXES], wave(MIXES, 0.25, 0.4));
      return g.op('ggml_dsv4_hc_comb', 'TTTfi', mixes, g.f32([scale.length], scale), base, eps, iterations);
    },
  };
}

/** Rows of mixes whose matrix is given. */
function mixesOf(matrix: readonly number[]): number[] {
  return [...wave(8, 1), ...matrix];
}

const COMB: OpCases = [
  ...[1, 63, 64, 65].map((tokens) => comb(`${tokens} tokens`, { tokens })),
  ...[1, 2, 20, 300].map((iterations) => comb(`${iterations} iterations`, { iterations })),
  comb('a large epsilon, more scales', { eps: 0.5, scale: [1, 1, 2, 1, 1] }),
  comb('no epsilon', { eps: 0 }),
  // A large scale would only make the problem ill-conditioned: rows that differ in the last place take turns at 1.
  comb('one stream takes all', { tokens: 1, mixes: mixesOf(wave(16, 60)), scale: [1, 1, 1], eps: 1e-3 }),
  comb('-∞, ±0 and subnormals', {
    ...{ tokens: 1, scale: [1, 1, 1], iterations: 2 },
    mixes: mixesOf([0, -0, 1e-40, -Infinity, 1, 2, 3, 4, -Infinity, 0, 0, 0, -1e30, 1, 1, 1]),
  }),
  comb('a token with ∞, one with NaN, one with a row of -∞, one without', {
    tokens: 4,
    mixes: [
      ...mixesOf([1, 2, 3, Infinity, ...wave(12, 1)]),
      ...mixesOf([...wave(11, 1), NaN, ...wave(4, 1)]),
      ...mixesOf([...wave(12, 1), ...new Array<number>(4).fill(-Infinity)]),
      ...mixesOf(wave(16, 2)),
    ],
  }),
  comb('no tokens', { tokens: 0 }),
  {
    kind: 'DSV4_HC_COMB',
    name: 'views with gaps',
    build: (g) => {
      const mixes = g.view(g.f32([30, 5], wave(150, 2)), [MIXES, 3], [240], 8);
      const scale = g.view(g.f32([6], wave(6, 1)), [3], [], 12);
      const base = g.view(g.f32([40], wave(40, 0.3)), [MIXES], [], 20);
      return g.op('ggml_dsv4_hc_comb', 'TTTfi', mixes, scale, base, 1e-6, 3);
    },
  },
];

function pre(g: GgmlBench, n: number, hc: number, tokens: number): Tensor {
  const weights = g.f32([hc, tokens], wave(hc * tokens, 1));
  return g.op('ggml_dsv4_hc_pre', 'TT', g.f32([n, hc, tokens]), weights);
}

function post(g: GgmlBench, n: number, hc: number, tokens: number): Tensor {
  const residual = g.f32([n, hc, tokens]);
  const weights = g.f32([hc, tokens], wave(hc * tokens, 2));
  const matrix = g.f32([hc, hc, tokens], wave(hc * hc * tokens, 1));
  return g.op('ggml_dsv4_hc_post', 'TTTT', g.f32([n, tokens]), residual, weights, matrix);
}

/** Channels, streams, tokens. */
const SHAPES: readonly (readonly [number, number, number])[] = [
  [1, 4, 1],
  [31, 4, 17],
  [128, 4, 3],
  [257, 4, 2],
  [5, 1, 3],
  [5, 7, 3],
  [5, 4, 0],
];

const MIX: OpCases = SHAPES.flatMap(([n, hc, tokens]): OpCases => {
  const name = `${n} channels, ${hc} streams, ${tokens} tokens`;
  return [
    { kind: 'DSV4_HC_PRE', name, build: (g) => pre(g, n, hc, tokens) },
    { kind: 'DSV4_HC_POST', name, build: (g) => post(g, n, hc, tokens) },
  ];
});

const VIEWS: OpCases = [
  {
    kind: 'DSV4_HC_PRE',
    name: 'permuted',
    build: (g) => {
      const x = g.permute(g.f32([4, 3, 31]), 1, 2, 0, 3);
      return g.op('ggml_dsv4_hc_pre', 'TT', x, g.permute(g.f32([3, 4]), 1, 0, 2, 3));
    },
  },
  {
    kind: 'DSV4_HC_POST',
    name: 'permuted and with gaps',
    build: (g) => {
      const x = g.permute(g.f32([3, 31]), 1, 0, 2, 3);
      const residual = g.view(g.f32([40, 5, 4]), [31, 4, 3], [160, 800], 24);
      const weights = g.view(g.f32([6, 3]), [4, 3], [24], 8);
      const matrix = g.permute(g.f32([4, 3, 4]), 1, 2, 0, 3);
      return g.op('ggml_dsv4_hc_post', 'TTTT', x, residual, weights, matrix);
    },
  },
];

/** The hyper-connections of DeepSeek V4: COMB, PRE, POST. */
export const HYPER_CONNECTIONS: OpCases = [...COMB, ...MIX, ...VIEWS];
