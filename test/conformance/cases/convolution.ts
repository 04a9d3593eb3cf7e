import { GgmlType } from '../../../src/shared/quant/ggml-type';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

type Pair = readonly [number, number];
type Float = 'F32' | 'F16';

/** Stride, padding and dilation, horizontally and vertically. */
interface Steps {
  readonly s?: Pair;
  readonly p?: Pair;
  readonly d?: Pair;
}

const im2col = (
  g: GgmlBench,
  kernel: Tensor,
  images: Tensor,
  { s = [1, 1], p = [0, 0], d = [1, 1] }: Steps,
  isFlat: boolean,
  type: Float,
): Tensor => g.op('ggml_im2col', 'TTiiiiiibi', kernel, images, ...s, ...p, ...d, isFlat, GgmlType[type]);

/** Source and result; ggml takes no others. */
const TYPES: readonly (readonly [Float, Float])[] = [
  ['F32', 'F32'],
  ['F32', 'F16'],
  ['F16', 'F16'],
];

const SPECIALS = [NaN, Infinity, -Infinity, -0, 1e-40, 3e38, 65520, 6e-8, 1 + 2 ** -11, 65519, -1e-8, 5];

/** Taps, length, channels, batch. */
const ROWS: readonly (readonly [string, readonly [number, number, number, number], Steps])[] = [
  ['one tap', [1, 9, 5, 1], {}],
  ['seven taps, same length', [7, 33, 3, 1], { p: [3, 0] }],
  ['batches', [3, 17, 4, 3], { p: [1, 0] }],
  ['strides', [4, 65, 3, 2], { s: [3, 0], p: [2, 0] }],
  ['strides beyond the kernel', [2, 31, 3, 1], { s: [5, 0] }],
  ['dilated', [3, 31, 2, 2], { p: [4, 0], d: [5, 0] }],
  ['everything', [5, 64, 3, 2], { s: [2, 0], p: [7, 0], d: [3, 0] }],
  ['more padding than length', [3, 2, 3, 1], { p: [6, 0] }],
  ['one patch', [7, 7, 3, 1], {}],
  ['cut off', [3, 20, 2, 1], { p: [-2, 0] }],
  ['vertical padding, which leaves nothing', [3, 9, 2, 1], { p: [1, 1] }],
  ['no batches', [3, 9, 2, 0], {}],
];

const IM2COL_ROWS: OpCases = ROWS.flatMap(([name, [taps, length, channels, batch], steps]) =>
  TYPES.map(([from, to]): OpCase => ({
    kind: 'IM2COL',
    name: `rows, ${from} to ${to}: ${name}`,
    build: (g) => im2col(g, g.f32([taps, channels, 2]), g.float(from, [length, channels, batch]), steps, false, to),
  })),
);

/** Taps, size, channels, batch. */
const IMAGES: readonly (readonly [string, Pair, Pair, number, number, Steps])[] = [
  ['one tap', [1, 1], [5, 4], 3, 2, {}],
  ['same size', [3, 3], [11, 7], 3, 2, { p: [1, 1] }],
  ['flat kernel', [5, 1], [9, 6], 2, 2, { p: [2, 0] }],
  ['tall kernel', [1, 4], [9, 6], 2, 3, { p: [0, 2] }],
  ['strides', [2, 3], [13, 10], 3, 2, { s: [3, 2], p: [1, 2] }],
  ['dilated', [3, 2], [13, 10], 2, 2, { p: [2, 1], d: [3, 4] }],
  ['everything', [3, 2], [20, 17], 3, 2, { s: [2, 3], p: [4, 1], d: [2, 5] }],
  ['one patch', [4, 3], [4, 3], 5, 1, {}],
];

const IM2COL_IMAGES: OpCases = IMAGES.flatMap(([name, taps, size, channels, batch, steps]) =>
  TYPES.map(([from, to]): OpCase => ({
    kind: 'IM2COL',
    name: `images, ${from} to ${to}: ${name}`,
    build: (g) => im2col(g, g.f16([...taps, channels, 2]), g.float(from, [...size, channels, batch]), steps, true, to),
  })),
);

const IM2COL_VIEWS: OpCases = [
  ...TYPES.map(([from, to]): OpCase => ({
    kind: 'IM2COL',
    name: `rows, ${from} to ${to}: gaps between channels and batches`,
    build: (g) => {
      const size = from === 'F32' ? 4 : 2;
      const x = g.view(g.float(from, [40, 5, 3]), [31, 4, 3], [40 * size, 200 * size], 3 * size);
      return im2col(g, g.f32([3, 4, 2]), x, { p: [1, 0] }, false, to);
    },
  })),
  {
    kind: 'IM2COL',
    name: 'rows: channels and batches exchanged',
    build: (g) => im2col(g, g.f32([3, 4, 2]), g.permute(g.f32([9, 3, 4]), 0, 2, 1, 3), {}, false, 'F32'),
  },
  {
    kind: 'IM2COL',
    name: 'images: channels and batches exchanged, gaps',
    build: (g) => {
      const x = g.permute(g.view(g.f32([9, 7, 3, 5]), [9, 6, 3, 4], [36, 252, 756], 36), 0, 1, 3, 2);
      return im2col(g, g.f32([3, 2, 4]), x, { p: [1, 0] }, true, 'F32');
    },
  },
  ...(['F32', 'F16'] as const).map((to): OpCase => ({
    kind: 'IM2COL',
    name: `special values to ${to}`,
    build: (g) => im2col(g, g.f32([3, 2]), g.f32([6, 2], SPECIALS), { p: [1, 0] }, false, to),
  })),
  {
    kind: 'IM2COL',
    name: 'special values, F16 to F16',
    build: (g) => im2col(g, g.f32([3, 2]), g.f16([6, 2], SPECIALS), { p: [1, 0] }, false, 'F16'),
  },
  // as ggml_conv_1d and ggml_conv_1d_dw, whose last node is a view
  ...(['F32', 'F16'] as const).flatMap((type): OpCases => [
    {
      kind: 'IM2COL',
      name: `multiplied by a kernel in ${type}`,
      build: (g) => {
        const kernel = g.float(type, [3, 16, 8]);
        const patches = im2col(g, kernel, g.f32([33, 16, 2]), { p: [1, 0] }, false, 'F16');
        const joined = g.op('ggml_reshape_2d', 'Tll', patches, 48, 66);
        return g.op('ggml_mul_mat', 'TT', joined, g.op('ggml_reshape_2d', 'Tll', kernel, 48, 8));
      },
    },
    {
      kind: 'IM2COL',
      name: `multiplied by a depthwise kernel in ${type}`,
      build: (g) => {
        const kernel = g.float(type, [7, 1, 12]);
        const patches = im2col(g, kernel, g.f32([33, 1, 12]), { p: [3, 0] }, false, 'F16');
        return g.op('ggml_mul_mat', 'TT', patches, kernel);
      },
    },
  ]),
];

const transposed = (g: GgmlBench, kernel: Tensor, x: Tensor, stride: number): Tensor =>
  g.op('ggml_conv_transpose_1d', 'TTiii', kernel, x, stride, 0, 1);

/** Taps, output channels, input channels, length, stride. */
const TRANSPOSED: OpCases = (
  [
    [1, 1, 1, 1, 1],
    [3, 2, 5, 9, 1],
    [4, 3, 33, 17, 2],
    [2, 3, 7, 11, 5],
    [16, 2, 257, 5, 8],
    [7, 1, 64, 65, 3],
  ] as const
).flatMap(([taps, outputs, inputs, length, stride]) =>
  (['F32', 'F16'] as const).map((type): OpCase => ({
    kind: 'CONV_TRANSPOSE_1D',
    name: `${taps} taps ${stride} apart, ${inputs} to ${outputs} channels, ${length} long, ${type}`,
    build: (g) => transposed(g, g.float(type, [taps, outputs, inputs]), g.f32([length, inputs]), stride),
  })),
);

const CONV_TRANSPOSE_1D: OpCases = [
  ...TRANSPOSED,
  {
    kind: 'CONV_TRANSPOSE_1D',
    name: 'gaps, channels exchanged',
    build: (g) => {
      const kernel = g.permute(g.view(g.f32([5, 7, 3]), [4, 6, 3], [20, 140], 4), 0, 2, 1, 3);
      return transposed(g, kernel, g.view(g.f32([13, 6]), [9, 6], [52], 8), 2);
    },
  },
  {
    kind: 'CONV_TRANSPOSE_1D',
    name: 'infinities and NaN',
    build: (g) =>
      transposed(
        g,
        g.f32([2, 1, 2], [1, 2, -1, 0.5]),
        g.f32([6, 2], [1, Infinity, 2, 3, NaN, 1, 1, 2, 3, -Infinity, 1, -0]),
        2,
      ),
  },
];

const POOLS = { maximum: 0, mean: 1 } as const;

const pool = (g: GgmlBench, x: Tensor, how: keyof typeof POOLS, k: number, s: number, p: number): Tensor =>
  g.op('ggml_pool_1d', 'Tiiii', x, POOLS[how], k, s, p);

const POOL_1D: OpCases = (['maximum', 'mean'] as const).flatMap((how): OpCases => [
  ...(
    [
      [10, 3, 3, 0],
      [33, 1, 1, 0],
      [65, 4, 2, 1],
      [31, 2, 5, 0],
      [7, 7, 1, 3],
      [257, 64, 31, 17],
      // windows without an element
      [3, 2, 1, 4],
    ] as const
  ).flatMap(([n, k, s, p]) =>
    (['F32', 'F16'] as const).map((type): OpCase => ({
      kind: 'POOL_1D',
      name: `${how} of ${k}, steps of ${s}, ${p} around ${n}, ${type}`,
      build: (g) => pool(g, g.float(type, [n, 3, 2, 2]), how, k, s, p),
    })),
  ),
  {
    kind: 'POOL_1D',
    name: `${how}, gaps between rows`,
    build: (g) => pool(g, g.view(g.f32([12, 5]), [9, 4], [48], 8), how, 3, 2, 1),
  },
  {
    kind: 'POOL_1D',
    name: `${how}, special values`,
    build: (g) =>
      pool(
        g,
        g.f32(
          [8, 4],
          [
            ...[1, Infinity, 2, -Infinity, -Infinity, -Infinity, 3, 1],
            ...[1, NaN, 2, NaN, NaN, 5, 4, NaN],
            ...[-0, 0, 0, -0, 1e-40, 2e-40, -1e-40, -0],
            ...[-3e38, -3e38, 3e38, 1e38, -5, -5, -1e-40, 1e-45],
          ],
        ),
        how,
        2,
        1,
        1,
      ),
  },
]);

export const CONVOLUTION: OpCases = [
  ...IM2COL_ROWS,
  ...IM2COL_IMAGES,
  ...IM2COL_VIEWS,
  ...CONV_TRANSPOSE_1D,
  ...POOL_1D,
];
