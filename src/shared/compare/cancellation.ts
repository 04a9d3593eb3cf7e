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
 * The noise of f32 sums relative to the result's energy, as NMSE; 0 for ops that do not sum.
 * @param source sources of the node by index; read only where the op sums
 * @param result the exact result
 */
export function cancellationNoise(
  kind: OpKind,
  source: (index: number) => SummedSource | undefined,
  result: Float32Array,
): number {
  const noise = noiseEnergy(kind, source);
  return noise === 0 ? 0 : (UNIT * UNIT * noise) / energy(result, 0, result.length);
}

/** Σ over the results of (‖a‖·‖b‖)². */
function noiseEnergy(kind: OpKind, source: (index: number) => SummedSource | undefined): number {
  const a = source(0);
  if (!a) return 0;
  switch (kind) {
    case 'MUL_MAT': {
      const b = source(1);
      return b ? ofPlanes(a, b) : 0;
    }
    case 'MUL_MAT_ID': {
      const b = source(1);
      return b ? Math.max(...planeEnergies(a)) * energy(b.values, 0, b.values.length) : 0;
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
    for (let i = start; i < start + width; i++) sum += Math.abs(values[i]!);
    total += (isMean ? sum / width : sum) ** 2;
  }
  return total;
}

function energy(values: Float32Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += values[i]! ** 2;
  return sum;
}
