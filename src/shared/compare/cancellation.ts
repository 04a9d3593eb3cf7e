/**
 * What f32 sums lose where their terms cancel. An engine that sums in f32, in any order, is off by about
 * u·‖a‖·‖b‖ at a dot product a·b (u = 2⁻²⁴; ‖a‖·‖b‖ ≥ Σ|aᵢbᵢ|, Cauchy and Schwarz). Relative to a result that
 * cancelled to almost nothing that is much, and no spread between two ways shows it reliably at a node of few elements.
 */
import type { OpKind } from '../graph/ggml-op';
import type { Dims } from '../graph/graph';

const UNIT = 2 ** -24;

/** A source as exact arithmetic read it: all its elements in logical order. */
export interface SummedSource {
  readonly ne: Dims;
  readonly values: Float32Array;
}

/**
 * The energy of what f32 sums lose, over all results: u²·Σ(‖a‖·‖b‖)²; 0 for ops that do not sum. Values that are not
 * finite do not take part.
 * @param source sources of the node by index; read only where the op sums
 * @param results how many elements the node has
 */
export function cancellationNoise(
  kind: OpKind,
  source: (index: number) => SummedSource | undefined,
  results: number,
): number {
  return UNIT * UNIT * noiseEnergy(kind, source, results);
}

/** Σ over the results of (‖a‖·‖b‖)². */
function noiseEnergy(kind: OpKind, source: (index: number) => SummedSource | undefined, results: number): number {
  const a = source(0);
  if (!a) return 0;
  switch (kind) {
    case 'MUL_MAT': {
      const b = source(1);
      return b ? ofPlanes(a, b) : 0;
    }
    case 'MUL_MAT_ID': {
      const b = source(1);
      return b ? ofExperts(a, b, results / a.ne[1]) : 0;
    }
    case 'SUM_ROWS':
    case 'SUM':
    case 'MEAN':
    case 'CUMSUM':
      return absoluteSums(a, kind === 'SUM' ? a.values.length : a.ne[0], kind === 'MEAN');
    default:
      return 0;
  }
}

/** As if every token chose the loudest expert; a column of B may serve all the experts of its token. */
function ofExperts(a: SummedSource, b: SummedSource, columns: number): number {
  const uses = columns / (b.values.length / b.ne[0]);
  return Math.max(...planeEnergies(a)) * energy(b.values, 0, b.values.length) * uses;
}

/** ggml repeats each plane of A for consecutive planes of B. */
function ofPlanes(a: SummedSource, b: SummedSource): number {
  const ofA = planeEnergies(a);
  const ofB = planeEnergies(b);
  const [r2, r3] = [b.ne[2] / a.ne[2], b.ne[3] / a.ne[3]];
  return ofB.reduce((sum, energyOfB, p) => {
    const [i2, i3] = [p % b.ne[2], Math.floor(p / b.ne[2])];
    return sum + energyOfB * (ofA[Math.floor(i3 / r3) * a.ne[2] + Math.floor(i2 / r2)] ?? 0);
  }, 0);
}

function planeEnergies({ ne, values }: SummedSource): readonly number[] {
  const size = ne[0] * ne[1];
  return Array.from({ length: ne[2] * ne[3] }, (_, p) => energy(values, p * size, size));
}

/** Σ over rows of (Σ|x|)². */
function absoluteSums({ values }: SummedSource, width: number, isMean: boolean): number {
  let total = 0;
  for (let start = 0; start < values.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) sum += finite(Math.abs(values[i]!));
    total += (isMean ? sum / width : sum) ** 2;
  }
  return total;
}

function energy(values: Float32Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += finite(values[i]!) ** 2;
  return sum;
}

function finite(value: number): number {
  return value - value === 0 ? value : 0;
}
