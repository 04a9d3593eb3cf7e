import type { OpCase, OpCases } from '../op-case';

const SPECIAL = [NaN, Infinity, -Infinity, -0, 1e-40, 3e38, 1, -2, 0.5];
const SPECIAL_ROWS = [...SPECIAL, ...SPECIAL, ...SPECIAL];

const MASKS: OpCases = (['DIAG_MASK_INF', 'DIAG_MASK_ZERO'] as const).flatMap((kind): OpCase[] => {
  const op = `ggml_${kind.toLowerCase()}`;
  return [
    { kind, name: 'square, no past', build: (g) => g.op(op, 'Ti', g.f32([33, 33, 2]), 0) },
    { kind, name: 'a past, four dimensions', build: (g) => g.op(op, 'Ti', g.f32([65, 7, 3, 2]), 58) },
    { kind, name: 'more rows than columns', build: (g) => g.op(op, 'Ti', g.f32([3, 9]), 1) },
    { kind, name: 'a past beyond all columns', build: (g) => g.op(op, 'Ti', g.f32([5, 3]), 2 ** 31 - 1) },
    { kind, name: 'special values', build: (g) => g.op(op, 'Ti', g.f32([9, 3], SPECIAL_ROWS), 2) },
    {
      kind,
      name: 'in place',
      build: (g) => g.op(`${op}_inplace`, 'Ti', g.op('ggml_scale', 'Tf', g.f32([9, 5, 2]), 2), 3),
    },
  ];
});

/** `enum ggml_tri_type` in its order. */
const TRIANGLES: OpCases = ['upper with the diagonal', 'upper', 'lower with the diagonal', 'lower'].flatMap(
  (name, type): OpCase[] => [
    { kind: 'TRI', name, build: (g) => g.op('ggml_tri', 'Ti', g.f32([33, 33, 3, 2]), type) },
    {
      kind: 'TRI',
      name: `${name}, special values`,
      build: (g) => g.op('ggml_tri', 'Ti', g.f32([3, 3, 3], SPECIAL_ROWS), type),
    },
  ],
);

export const DIAGONALS: OpCases = [
  ...MASKS,
  ...TRIANGLES,
  { kind: 'TRI', name: 'one element', build: (g) => g.op('ggml_tri', 'Ti', g.f32([1, 1]), 1) },
  { kind: 'DIAG', name: 'vectors', build: (g) => g.op('ggml_diag', 'T', g.f32([33, 1, 3, 2])) },
  { kind: 'DIAG', name: 'one element', build: (g) => g.op('ggml_diag', 'T', g.f32([1])) },
  {
    kind: 'DIAG',
    name: 'rows of a view',
    build: (g) => g.op('ggml_diag', 'T', g.view(g.f32([9, 4]), [7, 1, 4], [36, 36], 8)),
  },
  { kind: 'DIAG', name: 'special values', build: (g) => g.op('ggml_diag', 'T', g.f32([9], SPECIAL)) },
];
