import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { valuesOf } from '../../site';
import type { RowNorm } from './norm-site';
import { centreOf, factorOf, isRowNorm, rowNormOf, scaleRows } from './norm-site';

/** Of each group of lanes only the first are added up. */
interface Lanes {
  /** Elements in a group; the row's length for a prefix. */
  readonly group: number;
  readonly first: number;
}

/** Sizes of groups that kernels reduce: subgroups, workgroups, unrolled strides. */
const GROUPS = [32, 64, 128, 256, 512, 1024];
/** Lanes of a subgroup on most hardware, and workgroups of one and a part of the next (33 were seen). */
const SUBGROUP = 32;
const RAGGED = [33, 40, 48, 56, 64];
/** Most lanes of a workgroup. */
const MOST_LANES = 1024;
/** Rows that an estimate looks at: they agree where there is one answer. */
const ROWS_LOOKED_AT = 16;

/** Kinds whose result is a sum over a row, or hangs on one. */
type SummedKind = RowNorm['kind'] | 'SUM_ROWS' | 'MEAN';

export const PARTIAL_SUM: Hypothesis = {
  id: 'partial-sum',
  title: 'sum over a row without some of its elements',
  explanation:
    'The reduction leaves elements out: the tail of a row that is no multiple of the workgroup, or the lanes past the ' +
    'first of each group. The sum is too small, so that a norm’s result is too large by one factor per row.',
  whereToLook:
    'The loop bounds and the last step of the reduction: rows that are no multiple of the workgroup, partly filled ' +
    'subgroups, the number of partial sums that are added at the end.',
  citations: ['ggml-org/llama.cpp#26708'],
  catalogue: [13, 24],
  generality: 2,
  *variants(site) {
    const { kind } = site.node;
    if (!isSummed(kind)) return;
    const n = rowLength(site);
    const seen = new Set<string>();
    for (const lanes of [...usual(n), ...estimated(site, kind, n)]) {
      const variant = variantOf(kind, lanes, n);
      if (!seen.has(variant.label)) yield variant;
      seen.add(variant.label);
    }
  },
};

function isSummed(kind: string): kind is SummedKind {
  return isRowNorm(kind) || kind === 'SUM_ROWS' || kind === 'MEAN';
}

function rowLength(site: Site): number {
  const { ne } = site.node;
  return isRowNorm(site.node.kind) ? ne[0] : valuesOf(site, 0).length / (ne[0] * ne[1] * ne[2] * ne[3]);
}

/** Tails left out, one group only; of a workgroup that is no multiple of the subgroup, the first subgroup only. */
function* usual(n: number): Generator<Lanes> {
  for (const group of GROUPS) {
    if (group < n) yield { group: n, first: group };
    if (group < n && n % group > 0) yield { group: n, first: n - (n % group) };
  }
  for (const group of RAGGED) if (group < n) yield { group, first: SUBGROUP };
}

function variantOf(kind: SummedKind, { group, first }: Lanes, n: number): Variant {
  const prefix = group >= n;
  return {
    label: prefix ? `the first ${first}` : `the first ${first} of every ${group}`,
    parameters: prefix ? { summed: first, right: n } : { summed: first, ofEvery: group, right: n },
    predict: (s) => {
      if (!isRowNorm(kind)) return rowSums(valuesOf(s, 0), n, group, first, kind === 'MEAN' ? n : 1);
      const norm = rowNormOf(s);
      const squares = rowSums(squaredDeviations(norm), n, group, first, 1);
      return scaleRows(norm, (_, row) => factorOf(kind, squares[row]!, n, norm.eps));
    },
  };
}

/** (x − centre)² of every element. */
function squaredDeviations({ kind, x, n, rows }: RowNorm): Float64Array {
  const out = new Float64Array(x.length);
  for (let row = 0; row < rows; row++) {
    const centre = centreOf(kind, x, row * n, n);
    for (let i = row * n; i < (row + 1) * n; i++) out[i] = (x[i]! - centre) ** 2;
  }
  return out;
}

function rowSums(values: ArrayLike<number>, n: number, group: number, first: number, divisor: number): Float32Array {
  const sums = new Float32Array(values.length / n);
  for (let row = 0; row < sums.length; row++) {
    let sum = 0;
    for (let i = 0; i < n; i++) if (i % group < first) sum += values[row * n + i]!;
    sums[row] = sum / divisor;
  }
  return sums;
}

/** For each size of group, the number of lanes whose sums come nearest to those that the wrong rows tell of. */
function* estimated(site: Site, kind: SummedKind, n: number): Generator<Lanes> {
  const told = kind === 'NORM' ? undefined : toldSums(site, kind, n);
  if (!told) return;
  const x = valuesOf(site, 0);
  const square = isRowNorm(kind);
  for (const group of [...GROUPS.filter((g) => g < n), n]) {
    const first = nearest(x, n, group, told, square);
    if (first < Math.min(group, n)) yield { group, first };
  }
  const ragged = nearestGroup(x, n, told, square);
  if (ragged !== undefined) yield { group: ragged, first: SUBGROUP };
}

/** Of which size of workgroup the first subgroup's sums come nearest to `told`. */
function nearestGroup(x: Float32Array, n: number, told: Float64Array, square: boolean): number | undefined {
  let best: { readonly group: number | undefined; readonly distance: number } = {
    group: undefined,
    distance: Infinity,
  };
  for (let group = SUBGROUP + 1; group < Math.min(n, MOST_LANES + 1); group++) {
    let distance = 0;
    for (let row = 0; row < told.length; row++) {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        if (i % group < SUBGROUP) sum += square ? x[row * n + i]! ** 2 : x[row * n + i]!;
      }
      distance += (sum / told[row]! - 1) ** 2;
    }
    if (distance < best.distance) best = { group, distance };
  }
  return best.group;
}

/** The sum that each of the first rows of the wrong result was made with; undefined where there is no telling. */
function toldSums(site: Site, kind: SummedKind, n: number): Float64Array | undefined {
  const { wrong, mask } = site;
  if (!wrong || mask?.includes(0)) return undefined;
  const rows = Math.min(ROWS_LOOKED_AT, valuesOf(site, 0).length / n);
  if (!isRowNorm(kind)) return Float64Array.from(wrong.subarray(0, rows), (w) => (kind === 'MEAN' ? w * n : w));
  const { x, eps } = rowNormOf(site);
  return Float64Array.from({ length: rows }, (_, row) => {
    let [xx, wx] = [0, 0];
    for (let i = row * n; i < (row + 1) * n; i++) {
      xx += x[i]! ** 2;
      wx += wrong[i]! * x[i]!;
    }
    const factor = wx / xx;
    return kind === 'L2_NORM' ? 1 / factor ** 2 : (1 / factor ** 2 - eps) * n;
  });
}

/** How many lanes of every `group` give sums nearest to `told`, relatively. */
function nearest(x: Float32Array, n: number, group: number, told: Float64Array, square: boolean): number {
  const sums = new Float64Array(told.length);
  let best = { first: group, distance: Infinity };
  for (let first = 1; first <= Math.min(group, n); first++) {
    let distance = 0;
    for (let row = 0; row < told.length; row++) {
      for (let i = first - 1; i < n; i += group) {
        const v = x[row * n + i]!;
        sums[row]! += square ? v * v : v;
      }
      distance += (sums[row]! / told[row]! - 1) ** 2;
    }
    if (distance < best.distance) best = { first, distance };
  }
  return best.first;
}
