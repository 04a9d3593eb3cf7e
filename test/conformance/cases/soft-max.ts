import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

interface SoftMax {
  readonly scale?: number;
  readonly maxBias?: number;
  readonly mask?: (g: GgmlBench) => Tensor;
  readonly sinks?: readonly number[];
}

function softMax(g: GgmlBench, x: Tensor, s: SoftMax): Tensor {
  const node = g.op('ggml_soft_max_ext', 'TTff', x, s.mask?.(g) ?? null, s.scale ?? 1, s.maxBias ?? 0);
  if (s.sinks) g.alter('ggml_soft_max_add_sinks', 'TT', node, g.f32([s.sinks.length], s.sinks));
  return node;
}

function elements(ne: readonly number[]): number {
  return ne.reduce((n, extent) => n * extent, 1);
}

/** Logits of ordinary size, −10 to 10. */
function logits(ne: readonly number[], size = 10): number[] {
  return Array.from({ length: elements(ne) }, (_, i) => size * Math.sin(1 + i * 1.7));
}

function plain(name: string, ne: readonly number[], s: SoftMax = {}, values = logits(ne)): OpCase {
  return { kind: 'SOFT_MAX', name, build: (g) => softMax(g, g.f32(ne, values), s) };
}

/** Causal with a bias below the diagonal; as many rows as given. */
function maskOf(type: 'F32' | 'F16', ne: readonly number[]): (g: GgmlBench) => Tensor {
  const [n = 1, rows = 1] = ne;
  const values = Array.from({ length: elements(ne) }, (_, i) => {
    const row = Math.floor(i / n) % rows;
    return i % n > row + n / 2 ? -Infinity : -((i % 7) / 3);
  });
  return (g) => g.float(type, ne, values);
}

const SIZES: OpCases = [1, 2, 3, 31, 63, 64, 65, 257].map((n) => plain(`rows of ${n}`, [n, 3, 2], { scale: 0.3 }));

const MASKS: OpCases = (['F32', 'F16'] as const).flatMap((type) => [
  plain(`${type} mask`, [33, 5, 4, 2], { scale: 0.125, mask: maskOf(type, [33, 5, 4, 2]) }),
  plain(`${type} mask with more rows, repeated over heads`, [33, 5, 4, 2], { mask: maskOf(type, [33, 9, 1, 2]) }),
  plain(`${type} mask repeated over heads and batches`, [33, 5, 6, 4], { mask: maskOf(type, [33, 5, 2, 2]) }),
  plain(`${type} mask, ALiBi, 8 heads`, [33, 5, 8], { maxBias: 8, mask: maskOf(type, [33, 5]) }),
  plain(`${type} mask, ALiBi, 6 heads`, [33, 5, 6], { scale: 0.5, maxBias: 4.5, mask: maskOf(type, [33, 5]) }),
  plain(`${type} mask, ALiBi, 1 head`, [33, 5, 1, 2], { maxBias: 100, mask: maskOf(type, [33, 5]) }),
]);

const SINKS: OpCases = [
  plain('sinks', [33, 3, 4], { sinks: [1, -2, 9.5, 0] }),
  plain('sinks far above and below the scores, and none', [33, 3, 4], { sinks: [40, -300, -Infinity, 10] }),
  plain('sinks, mask, ALiBi', [65, 3, 3, 2], { sinks: [5, -5, 2], maxBias: 8, mask: maskOf('F16', [65, 3]) }),
  plain('a sink beside rows that are masked throughout', [9, 2, 2], {
    sinks: [0, -3],
    mask: (g) => g.f32([9, 2], [...new Array<number>(9).fill(-Infinity), ...new Array<number>(9).fill(1)]),
  }),
];

const LONG: OpCases = [
  plain('4096 logits', [4096, 2]),
  plain('5001 equal logits', [5001, 1, 2], {}, new Array<number>(10_002).fill(3)),
  plain('20000 logits, F16 mask, sinks', [20_000, 1, 2], { sinks: [3, 4], mask: maskOf('F16', [20_000, 1]) }),
];

const MAX = 3.4028234e38;

const EDGES: OpCases = [
  plain('logits beyond the range of exp', [5, 2], {}, [1e4, 1e4, -1e4, 0, 9999, -1e30, -2e30, -1e30, -3e38, 0]),
  plain('differences that exp takes below the least normal number', [6], {}, [0, -80, -86, -88, -100, -104]),
  plain('±0 and subnormals', [5], {}, [0, -0, 1e-40, -1e-40, 3e-39]),
  plain('a scale of 0', [5, 2], { scale: 0 }),
  plain('a scale below 0', [5, 2], { scale: -2 }),
  plain('-∞ among the scores', [5, 2], {}, [1, -Infinity, 2, -Infinity, 3, -Infinity, -Infinity, -1, -2, -Infinity]),
  plain('+∞ with a scale below 0', [4], { scale: -1 }, [1, Infinity, 2, Infinity]),
  plain('rows with NaN or ∞ are NaN, the others are not', [4, 5], {}, [
    ...[1, NaN, 2, 3, 1, 2, 3, Infinity, 5, 6, 7, 8, Infinity, Infinity, -Infinity, 0],
    ...new Array<number>(4).fill(-Infinity),
  ]),
  plain(
    'products and sums beyond f32',
    [4, 3],
    { scale: 10, mask: (g) => g.f32([4, 3], [0, 0, 0, 0, 1, -MAX, 1, 1, MAX, 0, 0, 0]) },
    [...[1, MAX, 2, 3, 1, -3e37, 3, -MAX, 3e37, 3e37, 0, 1]],
  ),
  plain('∞ and NaN in the mask', [4, 4], {
    mask: (g) => g.f16([4, 4], [0, Infinity, 1, 2, NaN, 1, 1, 1, -Infinity, 0, 0, -65504, 65504, 0, -0, 6e-8]),
  }),
  plain('rows that are masked throughout', [70, 3], {
    mask: (g) =>
      g.f16(
        [70, 3],
        Array.from({ length: 210 }, (_, i) => (i >= 70 && i < 140 ? -Infinity : 0)),
      ),
  }),
  plain('a sink of ∞ and one of NaN', [3, 1, 3], { sinks: [Infinity, NaN, 0] }),
  plain('the least numbers of f32', [4, 3], {}, [-MAX, -MAX, -MAX, -MAX, -MAX, -MAX, 0, -MAX, MAX, MAX, 0, MAX]),
  plain('no rows', [5, 0]),
  {
    kind: 'SOFT_MAX',
    name: 'in place',
    build: (g) => g.op('ggml_soft_max_inplace', 'T', g.op('ggml_scale', 'Tf', g.f32([37, 5]), 3)),
  },
];

/** SOFT_MAX: masks, ALiBi, sinks, long rows, what infinities and NaNs make of a row. */
export const SOFT_MAX: OpCases = [...SIZES, ...MASKS, ...SINKS, ...LONG, ...EDGES];
