import { GgmlType } from '../../../src/shared/quant/ggml-type';
import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

type Float = 'F32' | 'F16' | 'BF16';
type Binary = 'ADD' | 'SUB' | 'MUL' | 'DIV';

const BINARY: readonly Binary[] = ['ADD', 'SUB', 'MUL', 'DIV'];

function binary(g: GgmlBench, kind: Binary, a: Tensor, b: Tensor): Tensor {
  return g.op(`ggml_${kind.toLowerCase()}`, 'TT', a, b);
}

const BROADCASTS: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ['equal shapes', [31, 3, 2, 2], [31, 3, 2, 2]],
  ['a repeated row', [65, 5, 3], [65]],
  ['a column', [7, 4], [1, 4]],
  ['one value', [257, 2], [1]],
  ['a part of the row, repeated', [12, 3], [4]],
  ['every dimension repeated', [4, 6, 4, 2], [2, 3, 2, 1]],
  ['one element', [1], [1]],
  ['no elements', [5, 0, 2], [5, 0, 1]],
];

const REPEATS: OpCases = BROADCASTS.map(([name, a, b]) => ({
  kind: 'ADD',
  name,
  build: (g) => binary(g, 'ADD', g.f32(a), g.f32(b)),
}));

/** Types of a, b and the result; a result that is not a's type comes from `ggml_add_cast`. */
const TYPES: readonly (readonly [Binary, Float, Float])[] = [
  ...BINARY.map((kind) => [kind, 'F16', 'F16'] as const),
  ['ADD', 'BF16', 'BF16'],
  ['DIV', 'BF16', 'BF16'],
  ['SUB', 'BF16', 'F32'],
  ['MUL', 'F16', 'F32'],
];

const TYPED: OpCases = [
  ...TYPES.map(([kind, a, b]): OpCase => ({
    kind,
    name: `${a} and ${b} to ${a}, odd rows`,
    build: (g) => binary(g, kind, g.float(a, [33, 3, 2]), g.float(b, [11, 1, 2])),
  })),
  ...(['F16', 'BF16'] as const).map((type): OpCase => ({
    kind: 'ADD',
    name: `${type} and F32 to F32`,
    build: (g) => g.op('ggml_add_cast', 'TTi', g.float(type, [13, 4]), g.f32([13]), GgmlType.F32),
  })),
];

const VIEWS: OpCases = BINARY.map((kind) => ({
  kind,
  name: 'planes and rows exchanged, gaps; the second transposed',
  build: (g) => {
    const a = g.permute(g.view(g.f32([40, 9, 6]), [33, 5, 4], [160, 1440], 12), 0, 2, 1, 3);
    const b = g.permute(g.f32([5, 33, 4]), 2, 0, 1, 3);
    return binary(g, kind, a, b);
  },
}));

/** Every pair of these. No result but infinities is far larger than the others, which it would hide. */
const SPECIALS = [0, -0, 1, -1.5, 3, Infinity, -Infinity, NaN];

const EDGES: OpCases = [
  ...BINARY.map((kind): OpCase => ({
    kind,
    name: 'infinities, NaN and zeros with each other',
    build: (g) => binary(g, kind, g.f32([8, 8], pairs(0)), g.f32([8, 8], pairs(1))),
  })),
  ...BINARY.map((kind): OpCase => ({
    kind,
    name: 'overflow, and numbers above 2^126',
    build: (g) =>
      binary(g, kind, g.f32([5], [3e38, -3e38, 2e38, 3e38, 1e38]), g.f32([5], [3e38, 3.3e38, 1.5e38, 1e38, 2.9e38])),
  })),
  {
    kind: 'DIV',
    name: 'by small and subnormal numbers',
    build: (g) =>
      g.op('ggml_div', 'TT', g.f32([7], [1, -3, 1e30, 0, 1e-39, -1e-38, 1e-39]), g.f32([7], [1e-37, ...SUBNORMAL])),
  },
  {
    kind: 'DIV',
    name: 'a subnormal by a small number',
    build: (g) => g.op('ggml_div', 'TT', g.f32([2], [1e-40, -3e-39]), g.f32([2], [1e-37, 2e-36])),
  },
  {
    kind: 'MUL',
    name: 'subnormal by large',
    build: (g) => g.op('ggml_mul', 'TT', g.f32([3], [1e-40, -3e-39, 1e38]), g.f32([3], [3e38, 1e38, -1e-39])),
  },
  {
    kind: 'SUB',
    name: 'neighbours',
    build: (g) => g.op('ggml_sub', 'TT', g.f32([3], [1, 1e10, -7]), g.f32([3], [1 + 2 ** -23, 1e10 + 1024, -7])),
  },
  { kind: 'ADD', name: 'in place', build: (g) => g.op('ggml_add_inplace', 'TT', g.f32([37, 3]), g.f32([37])) },
  {
    kind: 'MUL',
    name: 'in place, F16 rows with gaps',
    build: (g) => g.op('ggml_mul_inplace', 'TT', g.view(g.f16([9, 5]), [7, 5], [18], 2), g.f16([7, 1])),
  },
];

const SUBNORMAL = [1e-38, 1e-30, 1e-38, -1e-40, 1e-38, 1e-45];

function pairs(which: 0 | 1): number[] {
  return SPECIALS.flatMap((a) => SPECIALS.map((b) => (which === 0 ? a : b)));
}

const ADD1: OpCases = [
  ...(
    [
      ['F32', 'F32'],
      ['F16', 'F16'],
      ['F16', 'F32'],
      ['BF16', 'BF16'],
      ['BF16', 'F32'],
    ] as const
  ).map(([a, b]): OpCase => ({
    kind: 'ADD1',
    name: `${a} and ${b}`,
    build: (g) => g.op('ggml_add1', 'TT', g.float(a, [13, 3]), g.float(b, [1], [0.3])),
  })),
  {
    kind: 'ADD1',
    name: 'rows with gaps',
    build: (g) => g.op('ggml_add1', 'TT', g.view(g.f32([17, 6]), [11, 5], [68], 8), g.f32([1], [-2])),
  },
];

function scale(name: string, factor: number, bias: number, values?: readonly number[]): OpCase {
  return {
    kind: 'SCALE',
    name,
    build: (g) => g.op('ggml_scale_bias', 'Tff', g.f32(values ? [values.length] : [65, 3, 2], values), factor, bias),
  };
}

const SCALE: OpCases = [
  scale('without a bias', 0.125, 0),
  scale('with a bias', -3.7, 0.25),
  scale('a bias that takes most of it off again', 3.3, -3.3, [1, 1.0000001, 0.9999999, 1.0001, 0.9]),
  scale('by zero, with infinities and NaN', 0, 0, [1, -2, 0, Infinity, -Infinity, NaN]),
  scale('infinities and NaN', -2, 1, [1, -2, 0, Infinity, -Infinity, NaN]),
  scale('to infinity', 1e38, -1, [1, 2, 4, -1, -4]),
  scale('by infinity', Infinity, 1, [1, -2, 0]),
  { kind: 'SCALE', name: 'no elements', build: (g) => g.op('ggml_scale', 'Tf', g.f32([0, 3]), 2) },
  { kind: 'SCALE', name: 'in place', build: (g) => g.op('ggml_scale_inplace', 'Tf', g.f32([31, 3]), 1.1) },
];

const MIXED = [-3, -1, -0.5, -0, 0, 0.25, 1, 2.5, Infinity, -Infinity, NaN, 1e-40, -1e-40];

function clamp(name: string, low: number, high: number, type: Float = 'F32'): OpCase {
  return { kind: 'CLAMP', name, build: (g) => g.op('ggml_clamp', 'Tff', g.float(type, [13], MIXED), low, high) };
}

const CLAMP: OpCases = [
  clamp('to an interval', -1, 0.7),
  clamp('F16, to bounds that F16 rounds', -0.3, 1.1, 'F16'),
  clamp('from below', 0, Infinity),
  clamp('to nothing but bounds that are exchanged', 2, -2),
  clamp('to NaN', NaN, NaN),
  {
    kind: 'CLAMP',
    name: 'rows with gaps, in place',
    build: (g) => g.op('ggml_clamp_inplace', 'Tff', g.view(g.f32([40, 4]), [33, 3], [160], 4), -0.1, 0.2),
  },
];

function leakyRelu(name: string, slope: number, type: Float = 'F32', values: readonly number[] = MIXED): OpCase {
  return {
    kind: 'LEAKY_RELU',
    name,
    build: (g) => g.op('ggml_leaky_relu', 'Tfb', g.float(type, [values.length], values), slope, false),
  };
}

const LEAKY_RELU: OpCases = [
  leakyRelu('infinities and NaN', 0.1),
  leakyRelu('F16', -0.3, 'F16'),
  leakyRelu('no slope', 0),
  leakyRelu('steep', 1e30, 'F32', [-1, -2e-9, 3]),
  {
    kind: 'LEAKY_RELU',
    name: 'rows with gaps, in place',
    build: (g) => g.op('ggml_leaky_relu', 'Tfb', g.view(g.f32([40, 4]), [33, 3], [160], 4), 0.2, true),
  },
];

type Function = 'SQR' | 'SQRT' | 'LOG' | 'SIN' | 'COS';

function of(kind: Function, name: string, values: ArrayLike<number>, type: Float = 'F32'): OpCase {
  return { kind, name, build: (g) => g.op(`ggml_${kind.toLowerCase()}`, 'T', g.float(type, [values.length], values)) };
}

const POSITIVE = randomValues(67, 5).map((x) => Math.abs(x) * 40);
const ANGLES = Array.from({ length: 201 }, (_, i) => (i - 100) / 7);
/** Their sines are as small as f32 allows: the whole fraction of a turn must be right. */
const MULTIPLES_OF_PI = Array.from({ length: 60 }, (_, i) => Math.PI * (i < 30 ? i + 1 : -(7 ** (i - 29))));
const LARGE = [1e3, 12345.678, -1e5, 1e7, 3e9, -1e15, 1e22, 6.0219e23, -1e30, 3.4e38];

const FUNCTIONS: OpCases = [
  ...(['SQR', 'SQRT', 'LOG', 'SIN', 'COS'] as const).flatMap((kind) => [
    ...(['F32', 'F16', 'BF16'] as const).map((type) => of(kind, type, POSITIVE, type)),
    of(kind, 'infinities, NaN, zeros, negative numbers', [1, 2, Infinity, -Infinity, NaN, 0, -0, -1, -2.5]),
  ]),
  of('SQR', 'overflow', [1e19, -1e20, 3e38]),
  of('SQRT', 'large', [1e38, 3.4e38, 1e30]),
  of('SQRT', 'small', [1e-37, 1.2e-38, 1e-30]),
  of(
    'LOG',
    'around 1',
    Array.from({ length: 65 }, (_, i) => 1 + (i - 32) / 4096),
  ),
  of('LOG', 'subnormal, least, greatest', [1e-45, 1e-40, 1.17e-38, 1.2e-38, 1e30, 3.4e38]),
  of('SIN', 'large', LARGE),
  of('COS', 'large', LARGE),
  of(
    'SIN',
    'around zero',
    randomValues(65, 9).map((x) => x / 1000),
  ),
  of('SIN', 'turns', ANGLES),
  of('COS', 'turns', ANGLES),
  of('SIN', 'multiples of pi', MULTIPLES_OF_PI),
  of(
    'COS',
    'multiples of pi and a half',
    MULTIPLES_OF_PI.map((x) => x / 2).filter((_, i) => i < 30 && i % 2 === 0),
  ),
  {
    kind: 'SQRT',
    name: 'planes and rows exchanged',
    build: (g) => g.op('ggml_sqrt', 'T', g.permute(g.f32([9, 5, 4], POSITIVE_180), 0, 2, 1, 3)),
  },
];

const POSITIVE_180 = randomValues(180, 6).map(Math.abs);

export const ELEMENTWISE: OpCases = [
  ...REPEATS,
  ...TYPED,
  ...VIEWS,
  ...EDGES,
  ...ADD1,
  ...SCALE,
  ...CLAMP,
  ...LEAKY_RELU,
  ...FUNCTIONS,
];
