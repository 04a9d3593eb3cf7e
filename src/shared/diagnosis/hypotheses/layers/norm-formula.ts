import type { Hypothesis, Variant } from '../../hypothesis';
import { evaluateChanged, valuesOf } from '../../site';
import type { RowNorm } from './norm-site';
import { centreOf, factorOf, isRowNorm, otherWidths, rowNormOf, scaleRows, squaresOf } from './norm-site';

interface Formula {
  /** What is done. */
  readonly label: string;
  readonly factor: (squares: number, n: number, eps: number) => number;
}

/** Instead of 1 / √(Σx²/n + ε), for NORM on centred values. */
const MEAN_FORMULAS: readonly Formula[] = [
  { label: 'epsilon added outside the root', factor: (s, n, eps) => 1 / (Math.sqrt(s / n) + eps) },
  { label: 'no root', factor: (s, n, eps) => 1 / (s / n + eps) },
  { label: 'sum instead of mean', factor: (s, _n, eps) => 1 / Math.sqrt(s + eps) },
  { label: 'divided by n − 1', factor: (s, n, eps) => 1 / Math.sqrt(s / (n - 1) + eps) },
  { label: 'multiplied instead of divided', factor: (s, n, eps) => Math.sqrt(s / n + eps) },
  { label: 'epsilon before the division by n', factor: (s, n, eps) => 1 / Math.sqrt((s + eps) / n) },
];

/** Instead of 1 / max(√Σx², ε). */
const LENGTH_FORMULAS: readonly Formula[] = [
  { label: 'epsilon added under the root', factor: (s, _n, eps) => 1 / Math.sqrt(s + eps) },
  { label: 'epsilon added outside the root', factor: (s, _n, eps) => 1 / (Math.sqrt(s) + eps) },
  { label: 'no root', factor: (s, _n, eps) => 1 / Math.max(s, eps) },
  { label: 'mean instead of sum', factor: (s, n, eps) => 1 / Math.max(Math.sqrt(s / n), eps) },
  { label: 'multiplied instead of divided', factor: (s) => Math.sqrt(s) },
];

const RIGHT: Readonly<Record<RowNorm['kind'], string>> = {
  RMS_NORM: 'x / √(mean(x²) + ε)',
  NORM: '(x − mean) / √(mean((x − mean)²) + ε)',
  L2_NORM: 'x / max(√Σx², ε)',
};

export const NORM_FORMULA: Hypothesis = {
  id: 'norm-formula',
  title: 'norm by another formula',
  explanation:
    'The factor of the norm is made of the right values by a wrong formula: epsilon outside the root, a sum for the ' +
    'mean, another divisor, no root. Every row is off by one factor of its own.',
  whereToLook:
    'The reduction of the norm: what the sum of squares is divided by (the row’s own length, not that of the model or ' +
    'a head, not n − 1), and where epsilon is added.',
  citations: ['ggml-org/llama.cpp#2373', 'nntrainer/nntrainer#4318'],
  catalogue: [32],
  generality: 1,
  *variants(site) {
    const { kind } = site.node;
    if (!isRowNorm(kind)) return;
    const right = RIGHT[kind];
    const n = site.node.ne[0];
    for (const { label, factor } of kind === 'L2_NORM' ? LENGTH_FORMULAS : MEAN_FORMULAS) {
      yield {
        label,
        parameters: { done: label, right },
        predict: (s) => {
          const norm = rowNormOf(s);
          return scaleRows(norm, (squares) => factor(squares, n, norm.eps));
        },
      };
    }
    if (kind === 'NORM') yield* centreVariants();
    if (kind !== 'L2_NORM') for (const divisor of otherWidths(site)) yield dividedBy(divisor, n);
  },
};

function dividedBy(divisor: number, right: number): Variant {
  return {
    label: `divided by ${divisor}`,
    parameters: { divisor, right },
    predict: (s) => {
      const norm = rowNormOf(s);
      return scaleRows(norm, (squares) => factorOf(norm.kind, squares, divisor, norm.eps));
    },
  };
}

/** Where the mean is taken off in one place only. */
function* centreVariants(): Generator<Variant> {
  const right = RIGHT.NORM;
  yield {
    label: 'values not centred',
    parameters: { done: 'x / √(variance + ε)', right },
    predict: (s) => {
      const norm = rowNormOf(s);
      const { x, n, eps, kind } = norm;
      const squares = (row: number): number => squaresOf(x, row * n, n, centreOf(kind, x, row * n, n));
      return scaleRows(
        norm,
        (_, row) => factorOf(kind, squares(row), n, eps),
        () => 0,
      );
    },
  };
  yield {
    label: 'variance not centred',
    parameters: { done: '(x − mean) / √(mean(x²) + ε)', right },
    predict: (s) => {
      const norm = rowNormOf(s);
      const { x, n, eps, kind } = norm;
      return scaleRows(norm, (_, row) => factorOf(kind, squaresOf(x, row * n, n, 0), n, eps));
    },
  };
}

export const NORM_KIND: Hypothesis = {
  id: 'norm-kind',
  title: 'another kind of norm',
  explanation:
    'A norm of another kind is computed: LayerNorm takes the mean off, RMSNorm does not, L2 divides by the length. Or ' +
    'the norm is left out, and its input is passed on.',
  whereToLook: 'Which norm the architecture uses at this place, and whether the kernel is called at all.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants({ node: { kind } }) {
    if (!isRowNorm(kind)) return;
    for (const done of ['NORM', 'RMS_NORM', 'L2_NORM'] as const) {
      if (done === kind) continue;
      yield {
        label: `computed as ${done}`,
        parameters: { kind: done, right: kind },
        predict: (s) => evaluateChanged(s, { kind: done }),
      };
    }
    yield { label: 'skipped', parameters: { kind: 'none', right: kind }, predict: (s) => valuesOf(s, 0).slice() };
  },
};
