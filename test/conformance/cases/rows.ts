import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

/** `count` indices below `rows`, all over the place. */
function indices(count: number, rows: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 7919 + 3) % rows);
}

/** Types of which ggml takes rows. */
const TABLES: readonly GgmlTypeName[] = (
  'F32 F16 BF16 Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 MXFP4 NVFP4 Q2_K Q3_K Q4_K Q5_K Q6_K TQ1_0 TQ2_0 ' +
  'IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ1_M IQ4_NL IQ4_XS IQ3_S IQ2_S'
).split(' ') as GgmlTypeName[];

const GET: OpCases = [
  ...TABLES.map((type): OpCase => ({
    kind: 'GET_ROWS',
    name: `${type} rows`,
    build: (g) => g.op('ggml_get_rows', 'TT', g.weight(type, [512, 9]), g.i32([5], [8, 0, 3, 3, 7])),
  })),
  ...([1, 3, 33, 257] as const).map((n): OpCase => ({
    kind: 'GET_ROWS',
    name: `F16 rows of ${n}`,
    build: (g) => g.op('ggml_get_rows', 'TT', g.f16([n, 5]), g.i32([4], [4, 0, 2, 4])),
  })),
  {
    kind: 'GET_ROWS',
    name: 'a table per plane and cube, indices with gaps',
    build: (g) => {
      const ids = g.view(g.i32([8, 3, 2], indices(48, 5)), [6, 3, 2], [32, 96], 4);
      return g.op('ggml_get_rows', 'TT', g.f32([37, 5, 3, 2]), ids);
    },
  },
  {
    kind: 'GET_ROWS',
    name: 'the table is a view: F16 columns from 3 on, planes exchanged',
    build: (g) => {
      const table = g.view(g.f16([40, 6, 4]), [33, 6, 4], [80, 480], 6);
      return g.op('ggml_get_rows', 'TT', g.permute(table, 0, 2, 1, 3), g.i32([3, 6], indices(18, 4)));
    },
  },
  {
    kind: 'GET_ROWS',
    name: 'the table is a view: every second row of Q4_K',
    build: (g) =>
      g.op('ggml_get_rows', 'TT', g.view(g.weight('Q4_K', [256, 8]), [256, 4], [288], 144), g.i32([3], [3, 0, 1])),
  },
  {
    kind: 'GET_ROWS',
    name: 'a computed table',
    build: (g) => {
      const table = g.op('ggml_cont', 'T', g.op('ggml_transpose', 'T', g.f32([7, 65])));
      return g.op('ggml_get_rows', 'TT', table, g.i32([4], [6, 6, 0, 1]));
    },
  },
  {
    kind: 'GET_ROWS',
    name: 'computed indices: a view of sorted experts',
    build: (g) => {
      const order = g.op('ggml_argsort', 'Ti', g.f32([6, 5]), 1);
      const picked = g.view(order, [2, 5], [24]);
      return g.op('ggml_get_rows', 'TT', g.op('ggml_reshape_3d', 'Tlll', g.f32([6, 5]), 1, 6, 5), picked);
    },
  },
  {
    kind: 'GET_ROWS',
    name: 'an I32 table',
    build: (g) => {
      const table = g.i32(
        [5, 4, 2],
        Array.from({ length: 40 }, (_, i) => (i - 20) * 106_039_477),
      );
      return g.op('ggml_get_rows', 'TT', table, g.i32([3, 2], [3, 0, 1, 2, 2, 0]));
    },
  },
  {
    kind: 'GET_ROWS',
    name: 'no index',
    build: (g) => g.op('ggml_get_rows', 'TT', g.f32([7, 3]), g.i32([0], [])),
  },
];

/** What a table holds after SET_ROWS. */
function written(g: GgmlBench, table: Tensor, rows: Tensor, ids: Tensor): Tensor {
  return g.op('ggml_cont', 'T', g.op('ggml_set_rows', 'TTT', table, rows, ids));
}

const SET: OpCases = [
  ...(['F32', 'F16'] as const).flatMap((from) =>
    (['F32', 'F16', 'BF16'] as const).flatMap((to) =>
      (['i32', 'i64'] as const).map((ids): OpCase => ({
        kind: 'SET_ROWS',
        name: `${from} into ${to}, ${ids}, odd rows`,
        build: (g) => written(g, g.float(to, [31, 7]), g.float(from, [31, 4]), g[ids]([4], [6, 0, 3, 2])),
      })),
    ),
  ),
  {
    kind: 'SET_ROWS',
    name: 'the same indices for every plane, others per cube',
    build: (g) => written(g, g.f16([5, 7, 4, 2]), g.f32([5, 3, 4, 2]), g.i64([3, 1, 2], [5, 1, 6, 0, 2, 4])),
  },
  {
    kind: 'SET_ROWS',
    name: 'indices alternate over planes',
    build: (g) => written(g, g.f32([3, 5, 6]), g.f32([3, 2, 6]), g.i32([2, 2], [4, 0, 1, 3])),
  },
  {
    kind: 'SET_ROWS',
    name: 'rows of a view, into a view with gaps',
    build: (g) => {
      const table = g.view(g.f16([24, 9]), [17, 6], [48], 8);
      return written(g, table, g.view(g.f32([20, 5]), [17, 3], [160], 4), g.i64([3], [5, 0, 2]));
    },
  },
  {
    kind: 'SET_ROWS',
    name: 'transposed V: rows of one element',
    build: (g) => written(g, g.f16([1, 60]), g.f32([1, 12]), g.i64([12], indices(12, 60))),
  },
  {
    kind: 'SET_ROWS',
    name: 'special values into F16',
    build: (g) =>
      written(
        g,
        g.f16([4, 3]),
        g.f32([4, 2], [65520, -1e30, Infinity, NaN, 2 ** -25, -0, 1e-40, -(2 ** -24)]),
        g.i32([2], [2, 0]),
      ),
  },
  {
    kind: 'SET_ROWS',
    name: 'no row',
    build: (g) => written(g, g.f32([4, 3]), g.f32([4, 0]), g.i64([0], [])),
  },
];

const ADD: OpCases = [
  {
    kind: 'ADD_ID',
    name: 'biases of the experts chosen',
    build: (g) => g.op('ggml_add_id', 'TTT', g.f32([65, 4, 7]), g.f32([65, 8]), g.i32([4, 7], indices(28, 8))),
  },
  {
    kind: 'ADD_ID',
    name: 'ids are a view of sorted experts, rows with gaps',
    build: (g) => {
      const ids = g.view(g.i32([8, 5], indices(40, 8)), [2, 5], [32], 4);
      const rows = g.view(g.f32([40, 2, 6]), [33, 2, 5], [160, 320], 8);
      return g.op('ggml_add_id', 'TTT', rows, g.view(g.f32([35, 8]), [33, 8], [140]), ids);
    },
  },
  {
    kind: 'ADD_ID',
    name: 'one element, several cubes',
    build: (g) => g.op('ggml_add_id', 'TTT', g.f32([1, 1, 3, 2]), g.f32([1, 2]), g.i32([1, 3], [1, 0, 1])),
  },
];

export const ROWS: OpCases = [...GET, ...SET, ...ADD];
