import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

const MODES = { NORM: 0, NEOX: 2, MROPE: 8, VISION: 24, IMROPE: 40 } as const;
type Mode = keyof typeof MODES;

interface Rope {
  readonly mode: Mode;
  readonly dims: number;
  readonly back?: boolean;
  readonly inPlace?: boolean;
  readonly sections?: readonly number[];
  readonly context?: number;
  readonly base?: number;
  readonly scale?: number;
  readonly ext?: number;
  readonly attn?: number;
  readonly first?: number;
}

function rope(g: GgmlBench, r: Rope, x: Tensor, positions: Tensor, factors: Tensor | null = null): Tensor {
  const suffix = r.back ? '_back' : r.inPlace ? '_inplace' : '';
  const floats = [r.base ?? 10_000, r.scale ?? 1, r.ext ?? 0, r.attn ?? 1, 32, 1];
  const sources = [x, positions, factors];
  const mode = MODES[r.mode];
  const context = r.context ?? 4096;
  const node = r.sections
    ? g.op(`ggml_rope_multi${suffix}`, 'TTTiIiiffffff', ...sources, r.dims, r.sections, mode, context, ...floats)
    : g.op(`ggml_rope_ext${suffix}`, 'TTTiiiffffff', ...sources, r.dims, mode, context, ...floats);
  if (r.first !== undefined) g.alter('ggml_rope_set_offset', 'Ti', node, r.first);
  return node;
}

const POSITIONS = [0, 1, 17, 4000, 300];
/** All tokens' time, then height, width and the extra component. */
const SECTIONED = [...POSITIONS, 3, 900, 4, 5, 6, 7, 8, 9, 1000, 11, 12, 13, 14, 15, 2000];

function positionsFor(g: GgmlBench, r: Rope): Tensor {
  return r.sections ? g.i32([20], SECTIONED) : g.i32([5], POSITIONS);
}

function factorValues(pairs: number): number[] {
  return Array.from({ length: pairs }, (_, i) => 0.7 + i / 3);
}

function plain(name: string, r: Rope, ne: readonly number[] = [32, 3, 5, 2]): OpCase {
  return {
    kind: r.back ? 'ROPE_BACK' : 'ROPE',
    name,
    build: (g) => rope(g, r, g.f32(ne), positionsFor(g, r)),
  };
}

const YARN = { scale: 0.25, ext: 0.8, attn: 1.2 };

const MODE_CASES: OpCases = [
  plain('NORM', { mode: 'NORM', dims: 32 }),
  plain('NEOX', { mode: 'NEOX', dims: 32 }),
  plain('NORM over a part of the channels', { mode: 'NORM', dims: 20 }),
  plain('NEOX over a part of the channels', { mode: 'NEOX', dims: 20 }),
  plain('NORM from a later channel on', { mode: 'NORM', dims: 16, first: 8 }),
  plain('NEOX from a later channel on', { mode: 'NEOX', dims: 18, first: 14 }),
  plain('two channels', { mode: 'NEOX', dims: 2 }, [2, 1, 5]),
  plain('a single token-wide row of 130', { mode: 'NORM', dims: 130 }, [130, 1, 5]),
  plain('MROPE', { mode: 'MROPE', dims: 32, sections: [4, 6, 6, 0] }),
  plain('MROPE with an extra section, repeated', { mode: 'MROPE', dims: 32, sections: [2, 1, 3, 2] }),
  plain('MROPE without height', { mode: 'MROPE', dims: 24, sections: [5, 0, 7, 0] }),
  plain('MROPE without time, from a later channel on', { mode: 'MROPE', dims: 24, sections: [0, 4, 7, 0], first: 6 }),
  plain('IMROPE', { mode: 'IMROPE', dims: 32, sections: [6, 5, 5, 0] }),
  plain('IMROPE, lopsided sections with an extra one', { mode: 'IMROPE', dims: 28, sections: [8, 2, 3, 3] }),
  plain('VISION', { mode: 'VISION', dims: 16, sections: [8, 8, 0, 0] }),
  plain('VISION, sections that repeat', { mode: 'VISION', dims: 16, sections: [2, 3, 1, 1] }),
  plain('VISION without time', { mode: 'VISION', dims: 16, sections: [0, 9, 7, 0] }),
];

const ANGLE_CASES: OpCases = [
  plain('another base', { mode: 'NORM', dims: 32, base: 500_000 }),
  plain('a base below 1', { mode: 'NORM', dims: 8, base: 0.5 }, [8, 2, 5]),
  plain('scaled frequencies and magnitudes', { mode: 'NEOX', dims: 32, scale: 0.125, attn: 1.5 }),
  plain('frequencies of more than a turn, backwards', { mode: 'NORM', dims: 8, scale: -20.25 }, [8, 2, 5]),
  plain('YaRN, NORM', { mode: 'NORM', dims: 32, ...YARN }),
  plain('YaRN, NEOX, a long context', { mode: 'NEOX', dims: 24, ...YARN, context: 32_768 }),
  plain('YaRN without a context', { mode: 'NORM', dims: 32, ...YARN, context: 0 }),
  plain('YaRN, MROPE', { mode: 'MROPE', dims: 32, sections: [4, 6, 6, 0], ...YARN }),
  plain('YaRN, VISION', { mode: 'VISION', dims: 16, sections: [8, 8, 0, 0], ...YARN }),
  plain('back, NORM', { mode: 'NORM', dims: 32, back: true }),
  plain('back, NEOX, YaRN, from a later channel on', { mode: 'NEOX', dims: 16, first: 4, back: true, ...YARN }),
  plain('back, IMROPE', { mode: 'IMROPE', dims: 32, sections: [6, 5, 5, 0], back: true }),
  plain('back, VISION', { mode: 'VISION', dims: 16, sections: [8, 8, 0, 0], back: true }),
  {
    kind: 'ROPE',
    name: 'positions below zero and far out',
    build: (g) => rope(g, { mode: 'NORM', dims: 16 }, g.f32([16, 2, 4]), g.i32([4], [-1, -4000, 100_000, 1_000_000])),
  },
];

const FACTOR_CASES: OpCases = (['NORM', 'NEOX', 'MROPE', 'VISION'] as const).flatMap((mode) => {
  const special = { MROPE: { sections: [4, 6, 6, 0] }, VISION: { sections: [5, 11, 0, 0] }, NORM: {}, NEOX: YARN }[
    mode
  ];
  const r: Rope = { mode, dims: mode === 'VISION' ? 16 : 32, ...special };
  const values = factorValues(16);
  return [
    {
      kind: 'ROPE' as const,
      name: `frequency factors, ${mode}`,
      build: (g: GgmlBench) => rope(g, r, g.f32([32, 2, 5]), positionsFor(g, r), g.f32([16], values)),
    },
    {
      kind: 'ROPE' as const,
      name: `computed frequency factors and positions, ${mode}`,
      build: (g: GgmlBench) => {
        const factors = g.op('ggml_scale', 'Tf', g.f32([16], values), 4.3);
        const positions = g.op('ggml_cont', 'T', positionsFor(g, r));
        return rope(g, r, g.f32([32, 2, 5]), positions, factors);
      },
    },
  ];
});

const SOURCE_CASES: OpCases = [
  {
    kind: 'ROPE',
    name: 'computed factors of all sizes, some negative',
    build: (g) => {
      const sizes = [1e-3, 0.5, -1, 1.0000001, 2, -3.7, 1e6, 1e30];
      const factors = g.op('ggml_scale', 'Tf', g.f32([8], sizes), 1);
      return rope(
        g,
        { mode: 'NORM', dims: 16, scale: 0.75, base: 100 },
        g.f32([16, 2, 5]),
        positionsFor(g, R),
        factors,
      );
    },
  },
  {
    kind: 'ROPE',
    name: 'views of positions and factors that start later',
    build: (g) => {
      const positions = g.view(g.i32([9], [9, 9, 9, ...POSITIONS, 9]), [5], [], 12);
      const factors = g.view(g.f32([20], [0, 0, ...factorValues(18)]), [16], [], 8);
      return rope(g, { mode: 'NEOX', dims: 32 }, g.f32([32, 2, 5]), positions, factors);
    },
  },
  {
    kind: 'ROPE',
    name: 'permuted',
    build: (g) => rope(g, { mode: 'NEOX', dims: 32 }, g.permute(g.f32([32, 5, 3, 2]), 0, 2, 1, 3), positionsFor(g, R)),
  },
  {
    kind: 'ROPE',
    name: 'the second half of longer rows',
    build: (g) => {
      const x = g.view(g.f32([66, 3, 5, 2]), [32, 3, 5, 2], [264, 792, 3960], 34 * 4);
      return rope(g, { mode: 'NORM', dims: 30 }, x, positionsFor(g, R));
    },
  },
  {
    kind: 'ROPE',
    name: 'in place',
    build: (g) => {
      const x = g.op('ggml_scale', 'Tf', g.f32([32, 3, 5]), 2);
      return rope(g, { mode: 'NORM', dims: 24, inPlace: true }, x, positionsFor(g, R));
    },
  },
  {
    kind: 'ROPE',
    name: 'no tokens',
    build: (g) => rope(g, { mode: 'NORM', dims: 8 }, g.f32([8, 2, 0]), g.i32([0], [])),
  },
  {
    kind: 'ROPE',
    name: 'infinities, NaNs and subnormals among the channels that pass through, huge ones among the others',
    build: (g) => {
      const row = [1e38, -2e38, 3e-39, 0, -0, 1e-45, Infinity, -Infinity, NaN, 1e-40, -0, 3.4e38];
      return rope(
        g,
        { mode: 'NEOX', dims: 4 },
        g.f32(
          [12, 1, 5],
          POSITIONS.flatMap(() => row),
        ),
        positionsFor(g, R),
      );
    },
  },
];
const R: Rope = { mode: 'NORM', dims: 0 };

const HALF_CASES: OpCases = (
  [
    { mode: 'NORM', dims: 32 },
    { mode: 'NEOX', dims: 20, first: 6 },
    { mode: 'MROPE', dims: 32, sections: [4, 6, 6, 0] },
    { mode: 'VISION', dims: 16, sections: [8, 8, 0, 0], back: true },
  ] as const satisfies readonly Rope[]
).map((r: Rope) => ({
  kind: r.back ? ('ROPE_BACK' as const) : ('ROPE' as const),
  name: `F16, ${r.mode}`,
  build: (g: GgmlBench) => rope(g, r, g.permute(g.f16([32, 5, 3, 2]), 0, 2, 1, 3), positionsFor(g, r)),
}));

/** ROPE and ROPE_BACK: every mode, YaRN, factors, what positions and factors may be, strides, F16. */
export const ROPE: OpCases = [...MODE_CASES, ...ANGLE_CASES, ...FACTOR_CASES, ...SOURCE_CASES, ...HALF_CASES];
