import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

function counting(ne: readonly number[]): number[] {
  const count = ne.reduce((n, extent) => n * extent, 1);
  return Array.from({ length: count }, (_, i) => (i - 5) * 16_777_259);
}

const repeat = (g: GgmlBench, t: Tensor, ne: readonly number[]): Tensor =>
  g.op('ggml_repeat_4d', 'Tllll', t, ...[0, 1, 2, 3].map((d) => ne[d] ?? 1));

const REPEAT: OpCases = [
  { kind: 'REPEAT', name: 'a scalar', build: (g) => repeat(g, g.f32([1]), [65, 3]) },
  { kind: 'REPEAT', name: 'every dimension', build: (g) => repeat(g, g.f32([5, 3, 2, 2]), [15, 6, 4, 6]) },
  { kind: 'REPEAT', name: 'heads of a group', build: (g) => repeat(g, g.f32([16, 1, 3, 7]), [16, 4, 3, 7]) },
  { kind: 'REPEAT', name: 'once', build: (g) => repeat(g, g.f32([7, 3]), [7, 3]) },
  { kind: 'REPEAT', name: 'F16, odd rows', build: (g) => repeat(g, g.f16([7, 3]), [21, 9]) },
  { kind: 'REPEAT', name: 'BF16', build: (g) => repeat(g, g.bf16([1, 5]), [33, 5]) },
  {
    kind: 'REPEAT',
    name: 'I32 beyond the precision of F32',
    build: (g) => repeat(g, g.i32([3, 2], counting([3, 2])), [6, 2, 3]),
  },
  {
    kind: 'REPEAT',
    name: 'a view with gaps, planes exchanged',
    build: (g) => repeat(g, g.permute(g.view(g.f32([9, 4, 3]), [7, 4, 3], [36, 144], 8), 0, 2, 1, 3), [14, 3, 8]),
  },
  {
    kind: 'REPEAT',
    name: 'special values',
    build: (g) => repeat(g, g.f32([6], [Infinity, -Infinity, NaN, -0, 1e-40, 3e38]), [12, 2]),
  },
  { kind: 'REPEAT', name: 'nothing', build: (g) => repeat(g, g.f32([0, 3]), [0, 6]) },
];

const concat = (g: GgmlBench, a: Tensor, b: Tensor, dim: number): Tensor => g.op('ggml_concat', 'TTi', a, b, dim);

const CONCAT: OpCases = [
  ...[0, 1, 2, 3].flatMap((dim): OpCase[] => {
    const second = [5, 4, 3, 2].map((n, d) => (d === dim ? n + 2 : n));
    return [
      { kind: 'CONCAT', name: `dimension ${dim}`, build: (g) => concat(g, g.f32([5, 4, 3, 2]), g.f32(second), dim) },
      {
        kind: 'CONCAT',
        name: `dimension ${dim}, I32`,
        build: (g) => concat(g, g.i32([5, 4, 3, 2], counting([5, 4, 3, 2])), g.i32(second, counting(second)), dim),
      },
    ];
  }),
  ...(['f16', 'bf16'] as const).map((type): OpCase => ({
    kind: 'CONCAT',
    name: `${type}, odd rows`,
    build: (g) => concat(g, g[type]([3, 5]), g[type]([4, 5]), 0),
  })),
  {
    kind: 'CONCAT',
    name: 'I64',
    build: (g) => concat(g, g.i64([3, 2], [1, 2, -3, 2 ** 40, 5, -(2 ** 50)]), g.i64([2, 2], [7, 8, 9, -1]), 0),
  },
  {
    kind: 'CONCAT',
    name: 'rows transposed and rows of a view',
    build: (g) => {
      const a = g.op('ggml_transpose', 'T', g.f32([6, 5]));
      return concat(g, a, g.view(g.f32([9, 6]), [4, 6], [36], 12), 0);
    },
  },
  {
    kind: 'CONCAT',
    name: 'a state before its rows: planes exchanged',
    build: (g) => concat(g, g.f32([3, 8, 2]), g.permute(g.f32([8, 6, 2]), 1, 0, 2, 3), 0),
  },
  { kind: 'CONCAT', name: 'an empty second', build: (g) => concat(g, g.f32([5, 3]), g.f32([5, 0]), 1) },
  { kind: 'CONCAT', name: 'an empty first', build: (g) => concat(g, g.f32([0, 3]), g.f32([5, 3]), 0) },
  {
    kind: 'CONCAT',
    name: 'special values',
    build: (g) => concat(g, g.f32([3], [Infinity, NaN, -0]), g.f32([3], [-Infinity, 1e-40, -3e38]), 0),
  },
];

/** Left and right per dimension. */
type Pads = readonly [number, number, number, number, number, number, number, number];
const pad = (g: GgmlBench, t: Tensor, pads: Pads): Tensor => g.op('ggml_pad_ext', 'Tiiiiiiii', t, ...pads);
const padAround = (g: GgmlBench, t: Tensor, pads: Pads): Tensor =>
  g.op('ggml_pad_ext_circular', 'Tiiiiiiii', t, ...pads);

const PAD: OpCases = [
  { kind: 'PAD', name: 'right', build: (g) => g.op('ggml_pad', 'Tiiii', g.f32([5, 3, 2, 2]), 3, 1, 2, 1) },
  { kind: 'PAD', name: 'to the left of a row', build: (g) => pad(g, g.f32([33, 3]), [7, 0, 0, 0, 0, 0, 0, 0]) },
  { kind: 'PAD', name: 'all sides', build: (g) => pad(g, g.f32([5, 3, 2, 2]), [1, 2, 3, 1, 1, 0, 0, 2]) },
  { kind: 'PAD', name: 'none', build: (g) => pad(g, g.f32([5, 3]), [0, 0, 0, 0, 0, 0, 0, 0]) },
  { kind: 'PAD', name: 'cut off', build: (g) => pad(g, g.f32([9, 5, 3]), [-2, -3, 1, -2, 0, -1, 0, 0]) },
  {
    kind: 'PAD',
    name: 'transposed',
    build: (g) => pad(g, g.op('ggml_transpose', 'T', g.f32([5, 7])), [2, 1, 0, 2, 0, 0, 0, 0]),
  },
  {
    kind: 'PAD',
    name: 'special values',
    build: (g) => pad(g, g.f32([4], [NaN, Infinity, -0, 1e-40]), [1, 1, 0, 0, 0, 0, 0, 0]),
  },
  { kind: 'PAD', name: 'circular', build: (g) => padAround(g, g.f32([5, 3, 2, 2]), [2, 3, 1, 1, 1, 2, 0, 1]) },
  {
    kind: 'PAD',
    name: 'circular by whole rounds',
    build: (g) => padAround(g, g.f32([4, 3]), [4, 8, 3, 1, 0, 0, 0, 0]),
  },
  ...[
    [0, 0],
    [3, 2],
    [0, 6],
    [6, 6],
  ].map(([left, right]): OpCase => ({
    kind: 'PAD_REFLECT_1D',
    name: `left ${left}, right ${right}`,
    build: (g) => g.op('ggml_pad_reflect_1d', 'Tii', g.f32([7, 3, 2, 2]), left, right),
  })),
  {
    kind: 'PAD_REFLECT_1D',
    name: 'one element',
    build: (g) => g.op('ggml_pad_reflect_1d', 'Tii', g.f32([1, 3]), 0, 0),
  },
];

const roll = (g: GgmlBench, t: Tensor, ...shifts: number[]): Tensor => g.op('ggml_roll', 'Tiiii', t, ...shifts);

const ROLL: OpCases = [
  { kind: 'ROLL', name: 'forwards', build: (g) => roll(g, g.f32([7, 5, 3, 2]), 3, 1, 2, 1) },
  { kind: 'ROLL', name: 'backwards', build: (g) => roll(g, g.f32([7, 5, 3, 2]), -6, -2, 0, -1) },
  {
    kind: 'ROLL',
    name: 'a view with gaps',
    build: (g) => roll(g, g.view(g.f32([9, 6]), [7, 4], [36], 4), 2, -3, 0, 0),
  },
];

/** `ggml_upscale` and its kin in the nearest mode. */
const UPSCALE: OpCases = [
  { kind: 'UPSCALE', name: 'by 2', build: (g) => g.op('ggml_upscale', 'Tii', g.f32([5, 3, 2]), 2, 0) },
  ...(
    [
      [9, 7, 2, 3],
      [13, 3, 4, 3],
      [2, 1, 2, 1],
    ] as const
  ).flatMap((ne) =>
    [0, 256].map((mode): OpCase => ({
      kind: 'UPSCALE',
      name: `to ${ne.join(' x ')}${mode === 0 ? '' : ', corners aligned'}`,
      build: (g) => g.op('ggml_interpolate', 'Tlllli', g.f32([5, 3, 2, 3]), ...ne, mode),
    })),
  ),
  {
    kind: 'UPSCALE',
    name: 'transposed, by thirds',
    build: (g) => g.op('ggml_interpolate', 'Tlllli', g.op('ggml_transpose', 'T', g.f32([49, 41])), 123, 147, 1, 1, 0),
  },
];

/** SET or ACC of a window: strides nb1, nb2, nb3 and offset in bytes. */
function windowCases(kind: 'SET' | 'ACC'): OpCases {
  const name = `ggml_${kind.toLowerCase()}`;
  const types = 'TTzzzz';
  return [
    {
      kind,
      name: 'a box',
      build: (g) => g.op(name, types, g.f32([7, 5, 3, 2]), g.f32([3, 2, 2, 2]), 28, 140, 420, 36),
    },
    { kind, name: 'everything', build: (g) => g.op(name, types, g.f32([5, 3]), g.f32([5, 3]), 20, 60, 60, 0) },
    { kind, name: 'a run across rows', build: (g) => g.op(name, types, g.f32([7, 5]), g.f32([17]), 28, 140, 140, 16) },
    { kind, name: 'every second row', build: (g) => g.op(name, types, g.f32([6, 8]), g.f32([4, 4]), 48, 192, 192, 28) },
    {
      kind,
      name: 'the last element',
      build: (g) => g.op(name, types, g.f32([7, 5, 3]), g.f32([1]), 28, 140, 420, 416),
    },
    {
      kind,
      name: 'rows of a view',
      build: (g) => g.op(name, types, g.f32([9, 6]), g.view(g.f32([8, 6]), [5, 3], [64], 8), 36, 216, 216, 40),
    },
    {
      kind,
      name: 'in place',
      build: (g) => {
        const a = g.op('ggml_cont', 'T', g.f32([7, 5]));
        return g.op(`${name}_inplace`, types, a, g.f32([3, 2]), 28, 140, 140, 36);
      },
    },
  ];
}

const SET: OpCases = [
  ...windowCases('SET'),
  ...windowCases('ACC'),
  {
    kind: 'SET',
    name: 'I32',
    build: (g) =>
      g.op(
        'ggml_set',
        'TTzzzz',
        g.i32([5, 4], counting([5, 4])),
        g.i32([2, 2], [1, -2, 3, 2 ** 30 + 1]),
        20,
        80,
        80,
        28,
      ),
  },
  {
    kind: 'SET',
    name: 'special values',
    build: (g) => g.op('ggml_set_1d', 'TTz', g.f32([5, 2]), g.f32([4], [Infinity, NaN, -0, 1e-40]), 12),
  },
];

export const ARRANGE: OpCases = [...REPEAT, ...CONCAT, ...PAD, ...ROLL, ...UPSCALE, ...SET];
