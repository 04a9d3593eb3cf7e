import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { judged, LEAST_ELEMENTS } from './compared';

/** wrong ≈ factor × right + offset over all compared elements, by least squares. */
interface Fit {
  readonly count: number;
  /** Best factor without an offset. */
  readonly factor: number;
  /** Best offset at factor 1. */
  readonly offset: number;
  /** Both together. */
  readonly slope: number;
  readonly intercept: number;
  /** Root mean square of the right elements. */
  readonly size: number;
}

/** Nearer to 1 or 0 than this a fit says nothing. */
const NOTHING = 1e-7;

function fitOf(site: Site): Fit | undefined {
  const both = judged(site);
  if (!both) return undefined;
  const { right, wrong, isCompared } = both;
  let [count, r, w, rr, rw] = [0, 0, 0, 0, 0];
  for (let i = 0; i < right.length; i++) {
    if (!isCompared(i)) continue;
    const [x, y] = [right[i]!, wrong[i]!];
    count++;
    r += x;
    w += y;
    rr += x * x;
    rw += x * y;
  }
  const spread = count * rr - r * r;
  const slope = (count * rw - r * w) / spread;
  if (count < LEAST_ELEMENTS || !(rr > 0) || !(spread > 0)) return undefined;
  const size = Math.sqrt(rr / count);
  return { count, factor: rw / rr, offset: (w - r) / count, slope, intercept: (w - slope * r) / count, size };
}

/** The factor of the wrong result to the right one, by least squares; undefined where too few elements are compared. */
export function fittedFactor(site: Site): number | undefined {
  return fitOf(site)?.factor;
}

export const CONSTANT_FACTOR: Hypothesis = {
  id: 'constant-factor',
  title: 'result off by one constant factor',
  explanation: 'Every element is the right one times the same number: a scale that is missing, doubled or another one.',
  whereToLook:
    'Constants that multiply this op’s inputs or result. A power of two or a root of a dimension tells which.',
  citations: [],
  catalogue: [],
  generality: 3,
  *variants(site) {
    const fit = fitOf(site);
    if (!fit) return;
    if (fit.factor < -NOTHING) {
      yield { label: 'sign', parameters: { factor: -1, right: 1 }, predict: (s) => s.right.map((x) => -x) };
    }
    if (Math.abs(fit.factor - 1) > NOTHING) yield linear('factor', { factor: fit.factor, right: 1 }, fit.factor, 0);
  },
};

export const CONSTANT_OFFSET: Hypothesis = {
  id: 'constant-offset',
  title: 'one constant added to the result',
  explanation: 'Every element is the right one plus the same number, after a constant factor where one is given.',
  whereToLook: 'Constants that are added in this op: an offset of codes, a min, a 1 that belongs elsewhere.',
  citations: [],
  catalogue: [],
  generality: 3,
  *variants(site) {
    const fit = fitOf(site);
    if (!fit || Math.abs(fit.offset) < NOTHING * fit.size) return;
    yield linear('offset', { offset: fit.offset, right: 0 }, 1, fit.offset);
    if (Math.abs(fit.intercept) < NOTHING * Math.abs(fit.slope) * fit.size) return;
    yield linear('factor and offset', { factor: fit.slope, offset: fit.intercept }, fit.slope, fit.intercept);
  },
};

function linear(label: string, parameters: Variant['parameters'], factor: number, offset: number): Variant {
  return { label, parameters, predict: (s) => s.right.map((x) => factor * x + offset) };
}

/** Rows from which a vector that is the same in all of them is no accident. */
const LEAST_ROWS = 3;
/** Share of the right result's energy that has to lie in what rows do not have in common. */
const LEAST_OWN = 0.01;

export const CONSTANT_VECTOR: Hypothesis = {
  id: 'constant-vector',
  title: 'the same vector added to every row',
  explanation:
    'The difference to the right result is the same for all tokens: something that does not depend on the input is ' +
    'added or missing, a bias for example.',
  whereToLook: 'Biases and position-independent terms at this op and right before it.',
  citations: ['sbryngelson/ANEForge#253'],
  catalogue: [33],
  generality: 3,
  *variants(site) {
    const vector = commonDifference(site);
    if (!vector) return;
    const [n] = site.node.ne;
    const length = Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));
    yield {
      label: 'vector',
      parameters: { length, right: 0 },
      predict: (s) => s.right.map((x, i) => x + vector[i % n]!),
    };
  },
};

/**
 * Mean of wrong − right over the rows, per channel; undefined where too few rows are compared, or where the right ones are
 * all alike: whatever depends on the input is the same for all tokens there.
 */
function commonDifference(site: Site): Float64Array | undefined {
  const both = judged(site);
  const [n] = site.node.ne;
  if (!both || site.right.length / n < LEAST_ROWS || n < 2) return undefined;
  const { right, wrong, isCompared } = both;
  const sums = new Float64Array(n);
  const rightSums = new Float64Array(n);
  const rows = new Uint32Array(n);
  let energy = 0;
  for (let i = 0; i < right.length; i++) {
    if (!isCompared(i)) continue;
    sums[i % n]! += wrong[i]! - right[i]!;
    rightSums[i % n]! += right[i]!;
    energy += right[i]! ** 2;
    rows[i % n]!++;
  }
  if (rows.some((count) => count < LEAST_ROWS)) return undefined;
  const common = rightSums.reduce((sum, x, c) => sum + x ** 2 / rows[c]!, 0);
  if (energy - common < LEAST_OWN * energy) return undefined;
  return sums.map((sum, c) => sum / rows[c]!);
}
