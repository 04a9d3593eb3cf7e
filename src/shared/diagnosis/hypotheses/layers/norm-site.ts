/** What hypotheses on norms share. */
import type { Dims } from '../../../graph/graph';
import { tensorOf } from '../../../graph/graph';
import { floatParam } from '../../../ops/op';
import type { Site } from '../../site';
import { valuesOf } from '../../site';

export type NormKind = 'RMS_NORM' | 'NORM' | 'L2_NORM' | 'GROUP_NORM';

/** A norm over rows with what it is computed from. */
export interface RowNorm {
  readonly kind: Exclude<NormKind, 'GROUP_NORM'>;
  /** The input: rows of `n` values. */
  readonly x: Float32Array;
  readonly n: number;
  readonly rows: number;
  readonly eps: number;
}

export function isNorm(kind: string): kind is NormKind {
  return kind === 'RMS_NORM' || kind === 'NORM' || kind === 'L2_NORM' || kind === 'GROUP_NORM';
}

export function isRowNorm(kind: string): kind is RowNorm['kind'] {
  return isNorm(kind) && kind !== 'GROUP_NORM';
}

/** The site's norm, which must be one over rows. */
export function rowNormOf(site: Site): RowNorm {
  const { kind, opParams, ne } = site.node;
  const x = valuesOf(site, 0);
  return { kind: kind as RowNorm['kind'], x, n: ne[0], rows: x.length / ne[0], eps: floatParam(opParams, 0) };
}

/** Mean of `length` values from `from` on, taken off by a NORM only. */
export function centreOf(kind: RowNorm['kind'], x: Float32Array, from: number, length: number): number {
  if (kind !== 'NORM') return 0;
  let sum = 0;
  for (let i = from; i < from + length; i++) sum += x[i]!;
  return sum / length;
}

/** Σ (x − centre)² over `length` values from `from` on. */
export function squaresOf(x: Float32Array, from: number, length: number, centre: number): number {
  let sum = 0;
  for (let i = from; i < from + length; i++) sum += (x[i]! - centre) ** 2;
  return sum;
}

/** What a norm of this kind multiplies with, from Σ (x − centre)² over n values. */
export function factorOf(kind: RowNorm['kind'], squares: number, n: number, eps: number): number {
  return kind === 'L2_NORM' ? 1 / Math.max(Math.sqrt(squares), eps) : 1 / Math.sqrt(squares / n + eps);
}

/** Every row less its centre, times the factor that `factor` makes of its squares; what `centre` gives is taken off. */
export function scaleRows(
  norm: RowNorm,
  factor: (squares: number, row: number) => number,
  centre: (row: number) => number = (row) => centreOf(norm.kind, norm.x, row * norm.n, norm.n),
): Float32Array {
  const { x, n, rows } = norm;
  const out = new Float32Array(x.length);
  for (let row = 0; row < rows; row++) {
    const from = row * n;
    const middle = centre(row);
    const scale = factor(squaresOf(x, from, n, middle), row);
    for (let i = from; i < from + n; i++) out[i] = (x[i]! - middle) * scale;
  }
  return out;
}

/** Row sizes of the model's other norms and rotations, that a divisor or a row length may be mistaken for. */
export function otherWidths(site: Site): readonly number[] {
  const widths = new Set<number>();
  for (const id of site.graph.order) {
    const { kind, ne, role } = tensorOf(site.graph, id);
    if (role === 'node' && (isNorm(kind) || kind === 'ROPE')) addWidths(widths, ne);
  }
  widths.delete(site.node.ne[0]);
  return [...widths].filter((w) => w > 1).sort((a, b) => a - b);
}

/** A row, and all heads of a token where there are some. */
function addWidths(widths: Set<number>, ne: Dims): void {
  widths.add(ne[0]);
  if (ne[2] > 1) widths.add(ne[0] * ne[1]);
}
