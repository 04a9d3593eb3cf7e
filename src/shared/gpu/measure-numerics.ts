import type { Measurement } from './measurement';
import { runMeasurement } from './measurement';
import type { Kernel } from './pipeline-cache';
import type { GpuSession } from './gpu-session';

/** What a device's arithmetic does with the numbers that decoders and kernels meet. */
export interface MeasuredNumerics {
  /** f32 subnormals: as an operand of a product, as its result, loaded and stored. */
  readonly f32SubnormalOperand: Kept;
  readonly f32SubnormalResult: Kept;
  readonly f32SubnormalCopied: Kept;
  /** f16 subnormals through unpack2x16float and pack2x16float. */
  readonly f16SubnormalUnpacked: Kept;
  readonly f16SubnormalPacked: Kept;
  /** pack2x16float between two f16, and of 65520, half way to 2¹⁶. */
  readonly f32ToF16: Rounding;
  readonly f32ToF16Overflow: 'infinity' | 'largest' | 'other';
  /** f32(u32) between two f32. */
  readonly u32ToF32: Rounding;
  /** ∞ × 1. */
  readonly infinityMultiplied: Kept;
  /** NaN × 1: all bits, or at least a NaN. */
  readonly nanMultiplied: 'kept' | 'another NaN' | 'lost';
  /** Whether an overflowing product is ∞, and ∞ − ∞ a NaN. */
  readonly overflowIsInfinity: boolean;
  readonly infinityMinusInfinityIsNan: boolean;
  /** Bits of ∞, of a quiet and of a signalling NaN that is loaded as f32 and stored. */
  readonly infinityCopied: Kept;
  readonly quietNanCopied: Kept;
  readonly signallingNanCopied: Kept;
  /** Whether NaN ≠ NaN holds, which a compiler that assumes no NaN removes. */
  readonly nanComparesUnequal: boolean;
  /** Whether a × b + c is rounded once, as fma() would; and whether fma() itself is. */
  readonly productsContracted: boolean;
  readonly fmaRoundsOnce: boolean;
  /** Whether (a + b) − a was computed as b. */
  readonly sumsReordered: boolean;
}

export type Kept = 'kept' | 'flushed' | 'changed';
export type Rounding = 'nearest-even' | 'toward-zero' | 'other';

const INFINITY_BITS = 0x7f800000;
const QUIET_NAN = 0x7fc12345;
const SIGNALLING_NAN = 0x7f812345;
const SUBNORMAL = 0x00012345;

/** f32 of 1 + n × 2⁻¹¹, for n odd half way between two f16. */
const halfStep = (n: number): number => 0x3f800000 + n * 0x1000;

/** Operands by the index that ops/measure.wgsl gives them. */
const OPERANDS = Uint32Array.from([
  ...[0x3f800000, SUBNORMAL, 0x71800000], // 1, a subnormal, 2^100
  ...[0x0d800000, 0x2b800000], // 2^-100 × 2^-40 = 2^-140
  ...[0x0123, 0x33800000], // an f16 subnormal; 2^-24 as f32
  ...[halfStep(1), halfStep(3), halfStep(1) + 1, 0x477ff000], // tie down, tie up, above a tie, 65520
  ...[INFINITY_BITS, QUIET_NAN, 0x7f7fffff, 0x40000000, SIGNALLING_NAN], // ∞, NaN, the largest f32, 2, NaN
  ...[0x3f800800, 0xbf801000], // (1 + 2^-12)² − (1 + 2^-11): 2^-24, or 0 where the square is rounded
  ...[0x4b800000], // 2^24
  ...[0x01000003, 0x01000001], // integers of 25 bits: ties that round up and down
]);

/** One run of `ops/measure.wgsl`. */
export const NUMERICS: Measurement = { operands: OPERANDS, count: OPERANDS.length, results: 22 };

/** Runs one small kernel. @param kernel of `ops/measure.wgsl` */
export async function measureNumerics(session: GpuSession, kernel: Kernel): Promise<MeasuredNumerics> {
  const r = await runMeasurement(session, kernel, NUMERICS);
  const at = (i: number): number => r[i] as number;
  return {
    f32SubnormalOperand: kept(at(0), scaledSubnormal()),
    f32SubnormalResult: kept(at(1), 0x00000200), // 2^-140 = 2^9 × 2^-149
    f32SubnormalCopied: kept(at(2), SUBNORMAL),
    f16SubnormalUnpacked: kept(at(3), 0x37918000), // 0x123 × 2^-24
    f16SubnormalPacked: kept(at(4), 1),
    f32ToF16: rounding([at(5), at(6), at(7)], [0x3c00, 0x3c02, 0x3c01], [0x3c00, 0x3c01, 0x3c00]),
    f32ToF16Overflow: at(8) === 0x7c00 ? 'infinity' : at(8) === 0x7bff ? 'largest' : 'other',
    u32ToF32: rounding([at(20), at(21)], [0x4b800002, 0x4b800000], [0x4b800001, 0x4b800000]),
    infinityMultiplied: kept(at(9), INFINITY_BITS),
    nanMultiplied: at(10) === QUIET_NAN ? 'kept' : isNan(at(10)) ? 'another NaN' : 'lost',
    overflowIsInfinity: at(11) === INFINITY_BITS,
    infinityMinusInfinityIsNan: isNan(at(12)),
    infinityCopied: kept(at(13), INFINITY_BITS),
    quietNanCopied: kept(at(14), QUIET_NAN),
    signallingNanCopied: kept(at(15), SIGNALLING_NAN),
    nanComparesUnequal: at(16) === 1,
    productsContracted: at(17) === 0x33800000,
    fmaRoundsOnce: at(18) === 0x33800000,
    sumsReordered: at(19) === 0x3f800000,
  };
}

/** What a report says of them: the facts that move results. */
export function numericsLine(n: MeasuredNumerics): string {
  return [
    `f32 subnormals ${n.f32SubnormalResult}`,
    `f16 subnormals ${n.f16SubnormalUnpacked}`,
    `f32 to f16 ${n.f32ToF16}`,
    `a·b+c ${n.productsContracted ? 'contracted' : 'rounded twice'}`,
    `sums ${n.sumsReordered ? 'reordered' : 'in order'}`,
  ].join(', ');
}

/** SUBNORMAL × 2^100, exactly. */
function scaledSubnormal(): number {
  return new Uint32Array(Float32Array.of(SUBNORMAL * 2 ** -149 * 2 ** 100).buffer)[0] as number;
}

function kept(got: number, exact: number): Kept {
  if (got === exact) return 'kept';
  return got === 0 ? 'flushed' : 'changed';
}

function rounding(got: readonly number[], nearest: readonly number[], cut: readonly number[]): Rounding {
  const matches = (expected: readonly number[]): boolean => got.every((bits, i) => bits === expected[i]);
  if (matches(nearest)) return 'nearest-even';
  return matches(cut) ? 'toward-zero' : 'other';
}

function isNan(bits: number): boolean {
  return (bits & 0x7fffffff) > INFINITY_BITS;
}
