import { dotTypeOf } from '../../../src/shared/quant/activations';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { GgmlType } from '../../../src/shared/quant/ggml-type';
import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

/** Formats that ggml's CPU backend multiplies with; it crashes on the others. */
export const MULTIPLIED = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => dotTypeOf(type) !== undefined);

function mulMat(name: string, a: (g: GgmlBench) => Tensor, b: (g: GgmlBench) => Tensor): OpCase {
  return { kind: 'MUL_MAT', name, build: (g) => g.op('ggml_mul_mat', 'TT', a(g), b(g)) };
}

const FLOATS = ['F32', 'F16', 'BF16'] as const;

/**
 * From 2 columns on ggml multiplies tiles of some formats, from 8 on panels of the I-quants, one is a plain dot product.
 * Most cases have 3: every other number of columns is a kernel to compile.
 */
const FORMATS = [
  ...MULTIPLIED.map((type) =>
    mulMat(
      type,
      (g) => g.weight(type, [512, 13]),
      (g) => g.f32([512, type.startsWith('IQ') ? 9 : 3]),
    ),
  ),
  ...(['F32', 'F16', 'Q4_0', 'Q4_1', 'Q4_K', 'IQ3_S'] as const).map((type) =>
    mulMat(
      `${type}, one column`,
      (g) => g.weight(type, [256, 5]),
      (g) => g.f32([256]),
    ),
  ),
];

const RAGGED = FLOATS.flatMap((type) =>
  [1, 2, 3, 4, 31, 33, 65, 257].map((k) =>
    mulMat(
      `${type}, rows of ${k}`,
      (g) => g.float(type, [k, 7]),
      (g) => g.f32([k, 3]),
    ),
  ),
);

const COLUMNS = [1, 7, 8, 17, 65].map((n) =>
  mulMat(
    `Q4_1, ${n} columns`,
    (g) => g.weight('Q4_1', [64, 129]),
    (g) => g.f32([64, n]),
  ),
);

/** Rows of the feed-forward's width, of a long cache, and where an f32 sum in one go would show. */
const LONG = [
  mulMat(
    'Q4_K, rows of 14336',
    (g) => g.weight('Q4_K', [14336, 3]),
    (g) => g.f32([14336, 3]),
  ),
  mulMat(
    'Q6_K, rows of 14336',
    (g) => g.weight('Q6_K', [14336, 3]),
    (g) => g.f32([14336, 3]),
  ),
  ...FLOATS.map((type) =>
    mulMat(
      `${type}, rows of 40003`,
      (g) => g.float(type, [40003, 2]),
      (g) => g.f32([40003, 3]),
    ),
  ),
  mulMat(
    'F32, weights that add up to 1 over 131072 positions',
    (g) => g.f32([131072, 2], randomValues(2 * 131072, 5).map(Math.abs)),
    (g) => g.f32([131072, 3], new Float32Array(3 * 131072).fill(2 ** -17)),
  ),
];

const REPEATED = [
  mulMat(
    'heads shared by 3 query heads',
    (g) => g.f16([34, 7, 2]),
    (g) => g.f32([34, 3, 6]),
  ),
  mulMat(
    'dimensions 2 and 3 repeated',
    (g) => g.f32([5, 4, 2, 3]),
    (g) => g.f32([5, 3, 4, 6]),
  ),
  mulMat(
    'one matrix for all, Q8_0',
    (g) => g.weight('Q8_0', [64, 5]),
    (g) => g.f32([64, 3, 2, 2]),
  ),
  mulMat(
    'a matrix each, Q5_K',
    (g) => g.weight('Q5_K', [256, 3, 2, 2]),
    (g) => g.f32([256, 3, 2, 2]),
  ),
];

const ROW = 4 * 37;

const STRIDED = [
  mulMat(
    'a permuted F16 cache and permuted queries',
    (g) => g.permute(g.f16([32, 2, 9]), 0, 2, 1, 3),
    (g) => g.permute(g.f32([32, 4, 3]), 0, 2, 1, 3),
  ),
  ...FLOATS.map((type) =>
    mulMat(
      `${type}, both with gaps between rows`,
      (g) => g.view(g.float(type, [37, 5, 2]), [33, 5, 2], type === 'F32' ? [ROW, 5 * ROW] : [ROW / 2, (5 * ROW) / 2]),
      (g) => g.view(g.f32([37, 3, 4]), [33, 3, 4], [ROW, 3 * ROW], 16),
    ),
  ),
  mulMat(
    'Q4_0, every other row, with permuted activations',
    (g) => g.view(g.weight('Q4_0', [64, 10]), [64, 5], [2 * 36]),
    (g) => g.permute(g.f32([64, 2, 3]), 0, 2, 1, 3),
  ),
  mulMat(
    'a computed and permuted source 0',
    (g) => g.permute(g.op('ggml_scale', 'Tf', g.f32([16, 3, 5]), 0.3), 0, 2, 1, 3),
    (g) => g.permute(g.op('ggml_scale', 'Tf', g.f32([16, 6, 3]), -2), 0, 2, 1, 3),
  ),
  mulMat(
    'values of a cache, transposed by a copy, times scores',
    (g) => g.op('ggml_cont', 'T', g.permute(g.f16([6, 2, 19]), 1, 2, 0, 3)),
    (g) => g.f32([19, 3, 4]),
  ),
];

/** Source 1 in the type that source 0 would have it converted to is taken as it is. */
const STORED = (['F16', 'BF16'] as const).flatMap((type) => [
  mulMat(
    `${type} activations`,
    (g) => g.float(type, [65, 5, 2]),
    (g) => g.float(type, [65, 3, 4]),
  ),
  mulMat(
    `${type} activations with gaps`,
    (g) => g.float(type, [32, 5, 1]),
    (g) => g.permute(g.float(type, [32, 4, 3]), 0, 2, 1, 3),
  ),
]);

/** Rows of no elements are refused by ggml: they look transposed. */
const EMPTY = [
  mulMat(
    'no columns',
    (g) => g.f32([8, 3]),
    (g) => g.f32([8, 0]),
  ),
  mulMat(
    'no rows',
    (g) => g.f32([8, 0]),
    (g) => g.f32([8, 3]),
  ),
];

function withValue(count: number, index: number, value: number): Float32Array {
  const values = randomValues(count, 11);
  values[index] = value;
  return values;
}

/**
 * One special value in column 1 of 3; what becomes of it in a column is decided by the conversion of activations. NaN may
 * become the code −128 there, which the instructions of x86 multiply wrongly with negative codes of Q8_0.
 */
const SPECIAL = (['F32', 'F16', 'Q8_0', 'Q4_1', 'Q4_K'] as const).flatMap((type) =>
  [NaN, Infinity, -Infinity, 1e30, -3e7, 1e-42]
    .filter((value) => type !== 'Q8_0' || !Number.isNaN(value))
    .map((value) =>
      mulMat(
        `${type}, an activation of ${value}`,
        (g) => g.weight(type, [256, 5]),
        (g) => g.f32([256, 3], withValue(768, 300, value)),
      ),
    ),
);

const EDGES = [
  ...[NaN, Infinity, -Infinity, -0].map((value) =>
    mulMat(
      `F16, a weight of ${value}`,
      (g) => g.f16([33, 5], withValue(165, 40, value)),
      (g) => g.f32([33, 3]),
    ),
  ),
  ...(['F32', 'Q4_0', 'Q5_1', 'Q6_K'] as const).map((type) =>
    mulMat(
      `${type}, a column of zeros`,
      (g) => g.weight(type, [256, 5]),
      (g) => g.f32([256, 3], randomValues(768, 3).fill(0, 0, 256)),
    ),
  ),
  mulMat(
    'F32, large and small magnitudes',
    (g) =>
      g.f32(
        [65, 5],
        randomValues(325, 4).map((x) => x * 1e18),
      ),
    (g) =>
      g.f32(
        [65, 3],
        randomValues(195, 5).map((x, i) => x * (i < 65 ? 1e-18 : i < 130 ? 1e12 : 1)),
      ),
  ),
];

function hadamard(n: number): Float32Array {
  const bits = (x: number): number => x.toString(2).replaceAll('0', '').length;
  return Float32Array.from(
    { length: n * n },
    (_, i) => (bits((i % n) & Math.floor(i / n)) % 2 ? -1 : 1) / Math.sqrt(n),
  );
}

/** op_params: the precision changes nothing; the hint that source 0 is a Hadamard matrix spares the conversion. */
const HINTS: OpCases = [
  ...(['F32', 'F16'] as const).map((type) => ({
    kind: 'MUL_MAT' as const,
    name: `${type}, Hadamard`,
    build: (g: GgmlBench) => {
      const product = g.op('ggml_mul_mat', 'TT', g.float(type, [64, 64], hadamard(64)), g.f32([64, 3]));
      g.alter('ggml_mul_mat_set_hint', 'Ti', product, 1);
      return product;
    },
  })),
  ...(['F16', 'Q8_0'] as const).map((type) => ({
    kind: 'MUL_MAT' as const,
    name: `${type}, precision F32`,
    build: (g: GgmlBench) => {
      const product = g.op('ggml_mul_mat', 'TT', g.weight(type, [64, 5]), g.f32([64, 3]));
      g.alter('ggml_mul_mat_set_prec', 'Ti', product, 10);
      return product;
    },
  })),
];

function outProd(name: string, a: (g: GgmlBench) => Tensor, b: (g: GgmlBench) => Tensor): OpCase {
  return { kind: 'OUT_PROD', name, build: (g) => g.op('ggml_out_prod', 'TT', a(g), b(g)) };
}

const OUT_PROD = [
  ...([1, 2, 3, 33, 257] as const).map((k) =>
    outProd(
      `F32, ${k} products each`,
      (g) => g.f32([7, k]),
      (g) => g.f32([5, k]),
    ),
  ),
  ...(['F16', 'Q4_1', 'Q8_0', 'Q6_K', 'IQ4_NL', 'NVFP4'] as const).map((type) =>
    outProd(
      type,
      (g) => g.weight(type, [512, 9, 2]),
      (g) => g.f32([3, 9, 2]),
    ),
  ),
  outProd(
    'repeated over dimensions 2 and 3',
    (g) => g.f32([3, 4, 2, 1]),
    (g) => g.f32([5, 4, 4, 3]),
  ),
  outProd(
    'a transposed source 1',
    (g) => g.f32([6, 4]),
    (g) => g.op('ggml_transpose', 'T', g.f32([4, 35])),
  ),
  outProd(
    'source 0 with gaps between rows',
    (g) => g.view(g.f32([9, 4]), [6, 4], [36], 8),
    (g) => g.f32([3, 4]),
  ),
  outProd(
    '4099 products each',
    (g) => g.f32([5, 4099]),
    (g) => g.f32([3, 4099]),
  ),
  outProd(
    'nothing to add',
    (g) => g.f32([3, 0]),
    (g) => g.f32([2, 0]),
  ),
];

/** MUL_MAT and OUT_PROD. */
export const MAT_MUL: OpCases = [
  ...FORMATS,
  ...RAGGED,
  ...COLUMNS,
  ...LONG,
  ...REPEATED,
  ...STRIDED,
  ...STORED,
  ...EMPTY,
  ...SPECIAL,
  ...EDGES,
  ...HINTS,
  ...OUT_PROD,
];
