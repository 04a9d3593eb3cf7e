import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';
import { GgmlType } from '../../../src/shared/quant/ggml-type';

const FLOATS = ['F32', 'F16', 'BF16'] as const;
type Float = (typeof FLOATS)[number];

/** Apart by magnitude, since one large value hides what becomes of the small ones. */
const VALUES: Readonly<Record<string, readonly number[]>> = {
  ordinary: [1, -1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -9, -1 / 3, 0, -0, 0.1, 255.5],
  'around F16’s least': [
    2 ** -24,
    1.5 * 2 ** -24,
    2.5 * 2 ** -24,
    2 ** -25,
    -1.01 * 2 ** -25,
    6.1e-5,
    -5.9e-5,
    2 ** -26,
  ],
  subnormal: [1e-40, -3e-42, 1.4e-45, 1.1754942e-38, -1.17e-38],
  'huge and special': [65504, 65519, 65520, -65536, 1e30, 3.4e38, Infinity, -Infinity, NaN, 3.3895e38],
};

function cast(g: GgmlBench, t: Tensor, type: Float | 'I32'): Tensor {
  return g.op('ggml_cast', 'Ti', t, GgmlType[type]);
}

const CONVERSIONS: OpCases = FLOATS.flatMap((from) =>
  FLOATS.flatMap((to) => [
    ...Object.entries(VALUES).map(([name, values]): OpCase => ({
      kind: 'CPY',
      name: `${from} to ${to}, ${name}`,
      build: (g) => cast(g, g.float(from, [values.length], values), to),
    })),
    {
      kind: 'CPY',
      name: `${from} to ${to}, from gaps into another shape with gaps`,
      build: (g) => {
        const [a, b] = [bytesOf(from), bytesOf(to)];
        const source = g.view(g.float(from, [9, 5, 4]), [7, 3, 3], [9 * a, 45 * a], 2 * a);
        const target = g.view(g.float(to, [11, 8, 4]), [9, 7, 1], [11 * b, 88 * b], 3 * b);
        return g.op('ggml_cpy', 'TT', source, target);
      },
    },
  ]),
);

function bytesOf(type: Float): number {
  return type === 'F32' ? 4 : 2;
}

const COUNTING = Array.from({ length: 70 }, (_, i) => (i - 35) * 61_356_675);

const INTEGERS: OpCases = [
  {
    kind: 'CPY',
    name: 'I32 to F32: 31 bits, ties to even',
    build: (g) => cast(g, g.i32([10, 7], COUNTING), 'F32'),
  },
  {
    kind: 'CPY',
    name: 'I32 to F32: the ends, and halves between floats',
    build: (g) =>
      cast(
        g,
        g.i32([9], [0, 1, -1, 16_777_217, 16_777_219, -16_777_217, 2 ** 31 - 1, -(2 ** 31), 2 ** 30 + 64]),
        'F32',
      ),
  },
  {
    kind: 'CPY',
    name: 'I32 to F32, transposed',
    build: (g) => cast(g, g.op('ggml_transpose', 'T', g.i32([5, 9], COUNTING.slice(0, 45))), 'F32'),
  },
  {
    kind: 'CPY',
    name: 'F32 to I32: towards zero',
    build: (g) =>
      cast(g, g.f32([12], [0, -0, 0.9, -0.9, 1.5, -2.5, 1e-40, 8388607.5, -3.7e6, 2 ** 24 + 2, 7, 2 ** 30]), 'I32'),
  },
  {
    kind: 'CPY',
    name: 'F32 to I32: out of range',
    build: (g) => cast(g, g.f32([7], [2 ** 31, -(2 ** 31), -1e20, 3e38, Infinity, -Infinity, NaN]), 'I32'),
  },
  {
    kind: 'CONT',
    name: 'I32 beyond the precision of F32, transposed',
    build: (g) => g.op('ggml_cont', 'T', g.op('ggml_transpose', 'T', g.i32([10, 7], COUNTING))),
  },
  {
    kind: 'CPY',
    name: 'I64 into another shape with gaps',
    build: (g) =>
      g.op(
        'ggml_cpy',
        'TT',
        g.i64([5, 4], COUNTING.slice(0, 20)),
        g.view(g.i64([12, 3], new Array<number>(36).fill(-1)), [10, 2], [96], 8),
      ),
  },
  {
    kind: 'CONT',
    name: 'I64, transposed, with upper words',
    build: (g) =>
      g.op(
        'ggml_cont',
        'T',
        g.op(
          'ggml_transpose',
          'T',
          g.i64(
            [5, 3],
            COUNTING.slice(3, 18).map((x) => x * 4096),
          ),
        ),
      ),
  },
];

const SHAPES: OpCases = [
  { kind: 'CONT', name: 'one element', build: (g) => g.op('ggml_cont', 'T', g.f32([1])) },
  { kind: 'CONT', name: 'no element', build: (g) => g.op('ggml_cont', 'T', g.f32([3, 0])) },
  {
    kind: 'CONT',
    name: 'four dimensions permuted',
    build: (g) => g.op('ggml_cont', 'T', g.permute(g.f32([5, 3, 7, 2]), 2, 0, 3, 1)),
  },
  {
    kind: 'CONT',
    name: 'F16 transposed, odd rows',
    build: (g) => g.op('ggml_cont', 'T', g.op('ggml_transpose', 'T', g.f16([33, 65]))),
  },
  {
    kind: 'CONT',
    name: 'BF16, permuted into another shape',
    build: (g) => g.op('ggml_cont_2d', 'Tll', g.permute(g.bf16([6, 5, 3]), 1, 2, 0, 3), 9, 10),
  },
  { kind: 'DUP', name: 'F32', build: (g) => g.op('ggml_dup', 'T', g.f32([257, 3])) },
  {
    kind: 'DUP',
    name: 'a transposed view',
    build: (g) => g.op('ggml_dup', 'T', g.permute(g.f32([64, 31]), 1, 0, 2, 3)),
  },
];

const WEIGHTS: OpCases = [
  ...(['Q4_0', 'Q8_0', 'IQ4_NL', 'Q4_K', 'Q6_K', 'MXFP4'] as const).map((type): OpCase => ({
    kind: 'CPY',
    name: `${type} to F32`,
    build: (g) => cast(g, g.weight(type, [512, 3]), 'F32'),
  })),
  {
    kind: 'CPY',
    name: 'a view of Q5_0 into another shape with gaps',
    build: (g) =>
      g.op(
        'ggml_cpy',
        'TT',
        g.view(g.weight('Q5_0', [96, 4, 3]), [64, 3, 2], [66, 264], 22),
        g.view(g.f32([101, 5]), [96, 4], [404], 12),
      ),
  },
];

export const COPY: OpCases = [...CONVERSIONS, ...INTEGERS, ...SHAPES, ...WEIGHTS];
