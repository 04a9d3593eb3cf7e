import { GGML_GLU_OPS } from '../../../src/shared/graph/ggml-op';
import type { GluKind } from '../../../src/shared/ops/glu';
import { randomValues } from '../../shared/ops/op-helpers';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

const ALPHA = 1.702;
const LIMIT = 2.5;

function joint(g: GgmlBench, kind: GluKind, x: Tensor, swapped = false): Tensor {
  return g.op('ggml_glu', 'Tib', x, GGML_GLU_OPS.indexOf(kind), swapped);
}

function split(g: GgmlBench, kind: GluKind, gate: Tensor, up: Tensor, limit = LIMIT, alpha = ALPHA): Tensor {
  if (kind === 'SWIGLU_OAI') return g.op('ggml_swiglu_oai', 'TTff', gate, up, alpha, limit);
  if (kind === 'SWIGLU_CLAMP') return g.op('ggml_swiglu_clamp', 'TTf', gate, up, limit);
  return g.op('ggml_glu_split', 'TTi', gate, up, GGML_GLU_OPS.indexOf(kind));
}

const values = (count: number, seed: number): Float32Array => randomValues(count, seed).map((x) => x * 6);

const SPECIALS = [Infinity, -Infinity, NaN, 0, 1, -2];

function casesOf(kind: GluKind): OpCases {
  const pairs = SPECIALS.flatMap((a) => SPECIALS.map((b) => [a, b] as const));
  const cases: OpCase[] = [
    {
      kind,
      name: 'two tensors, rows with gaps',
      build: (g) => {
        const gate = g.view(g.f32([40, 6, 2], values(480, 1)), [33, 6, 2], [160], 12);
        return split(g, kind, gate, g.f32([33, 6, 2], values(396, 2)));
      },
    },
    { kind, name: 'one tensor, odd rows', build: (g) => joint(g, kind, g.f32([15, 3, 2], values(90, 3))) },
    { kind, name: 'one tensor, swapped', build: (g) => joint(g, kind, g.f32([66, 5], values(330, 4)), true) },
    {
      kind,
      name: 'infinities, NaN and zeros with each other',
      build: (g) => {
        const of = (which: 0 | 1): Tensor =>
          g.f32(
            [6, 6],
            pairs.map((p) => p[which]),
          );
        return split(g, kind, of(0), of(1));
      },
    },
    {
      kind,
      name: 'gates from -100 to 100',
      build: (g) =>
        split(
          g,
          kind,
          g.f32(
            [201],
            Array.from({ length: 201 }, (_, i) => i - 100),
          ),
          g.f32([201]),
        ),
    },
  ];
  // ggml has SWIGLU_OAI for F32 only
  if (kind === 'SWIGLU_OAI') return cases;
  return [
    ...cases,
    {
      kind,
      name: 'F16, two tensors',
      build: (g) => split(g, kind, g.f16([13, 3], values(39, 5)), g.f16([13, 3], values(39, 6))),
    },
    {
      kind,
      name: 'F16, one tensor, swapped, odd rows',
      build: (g) => joint(g, kind, g.f16([19, 3], values(57, 7)), true),
    },
  ];
}

const LIMITS: OpCases = (['SWIGLU_OAI', 'SWIGLU_CLAMP'] as const).flatMap((kind) =>
  [0, 1e-3, 7, Infinity].map((limit): OpCase => ({
    kind,
    name: `a limit of ${limit}`,
    build: (g) => split(g, kind, g.f32([67], values(67, 8)), g.f32([67], values(67, 9)), limit),
  })),
);

const EDGES: OpCases = [
  ...[0, -1.5, 50].map((alpha): OpCase => ({
    kind: 'SWIGLU_OAI',
    name: `an alpha of ${alpha}`,
    build: (g) => split(g, 'SWIGLU_OAI', g.f32([67], values(67, 8)), g.f32([67], values(67, 9)), LIMIT, alpha),
  })),
  { kind: 'SWIGLU', name: 'no elements', build: (g) => joint(g, 'SWIGLU', g.f32([8, 0])) },
  { kind: 'SWIGLU', name: 'rows of 1', build: (g) => joint(g, 'SWIGLU', g.f32([2, 3])) },
];

export const GLU: OpCases = [...GGML_GLU_OPS.flatMap(casesOf), ...LIMITS, ...EDGES];
