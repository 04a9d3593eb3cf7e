/**
 * Right engines: what they round and how they add up where llama.cpp does otherwise. Planters wrap these round a bug as
 * well, so that it lies under the engine's rounding. Nothing here is shared with what judges rounding.
 */
import { bf16ToF32, f32Bits, f32FromBits, f32ToBf16 } from '../../../shared/base/float-bits';
import { DOTS } from './dots';
import type { EngineArithmetic } from './engine-run';
import { OTHER_FORMULAS } from './other-formulas';
import { toHalf } from './plants/wrong-decoders';
import type { Rounds } from './rounds';
import { isWeight, MAT_MULS } from './rounds';

/** What an engine's numbers look like: bugs are counted under each. */
export const PRECISIONS = ['f32', 'f16', 'bf16', 'Q8'] as const;
export type EnginePrecision = (typeof PRECISIONS)[number];

export interface EngineKind {
  readonly name: string;
  readonly precision: EnginePrecision;
  readonly arithmetic: EngineArithmetic;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly rounds?: Rounds;
}

const toBf16 = (x: number): number => bf16ToF32(f32ToBf16(x));

/** Eight exponent bits and ten of the mantissa, to the nearest. */
function toTf32(x: number): number {
  if (!Number.isFinite(x)) return x;
  return f32FromBits((f32Bits(x) + 0x0fff + ((f32Bits(x) >>> 13) & 1)) & ~0x1fff);
}

const each =
  (round: (x: number) => number) =>
  (values: Float32Array): Float32Array =>
    values.map(round);

/** Codes of −127 to 127 and a scale for each `size` values of a row; the row where that is 0. */
function eightBits(values: Float32Array, width: number, size: number, scale: (x: number) => number): Float32Array {
  const out = Float32Array.from(values);
  const step = size === 0 ? width : Math.min(size, width);
  for (let row = 0; row < out.length; row += width) {
    for (let at = row; at < row + width; at += step) {
      const block = out.subarray(at, Math.min(at + step, row + width));
      const most = block.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      if (most === 0 || !Number.isFinite(most)) continue;
      const d = most / 127;
      const stored = scale(d);
      for (let i = 0; i < block.length; i++) block[i] = Math.round((block[i] as number) / d) * stored;
    }
  }
  return out;
}

/** Activations of mat-muls with weights in 8 bits, as W8A8 engines have them. */
const int8 = (size: number): Rounds => ({
  reads: (values, width, { turn, index }) =>
    index === 1 && MAT_MULS.has(turn.tensor.kind) && isWeight(turn.graph, turn.tensor, 0)
      ? eightBits(values, width, size, Math.fround)
      : values,
});

/** Both operands of a mat-mul; indices of experts are none. */
const operands = (round: (x: number) => number): Rounds => ({
  reads: (values, _width, { turn, index }) =>
    MAT_MULS.has(turn.tensor.kind) && index < 2 ? values.map(round) : values,
  holds: each(round),
});

const plain = { arithmetic: 'exact', dtype: 'F32' } as const;

export const ENGINES = {
  f32: { name: 'f32', precision: 'f32', ...plain },
  ggml: { name: 'Q8 activations', precision: 'Q8', arithmetic: 'ggml', dtype: 'F32' },
  f16: { name: 'f16', precision: 'f16', arithmetic: 'f16', dtype: 'F16' },
  bf16: { name: 'bf16', precision: 'bf16', arithmetic: 'bf16', dtype: 'BF16' },
  int8Rows: { name: 'int8 rows', precision: 'Q8', ...plain, rounds: int8(0) },
  int8Groups: { name: 'int8 groups of 128', precision: 'Q8', ...plain, rounds: int8(128) },
  int8Blocks: { name: 'int8 blocks of 32', precision: 'Q8', ...plain, rounds: int8(32) },
  tf32: { name: 'tf32 operands', precision: 'f16', ...plain, rounds: operands(toTf32) },
  f16Weights: { name: 'weights in f16', precision: 'f16', ...plain, rounds: { holds: each(toHalf) } },
  bf16Weights: { name: 'weights in bf16', precision: 'bf16', ...plain, rounds: { holds: each(toBf16) } },
  f16Sums: { name: 'f16 sums', precision: 'f16', ...plain, rounds: { dot: DOTS['f16 throughout'] } },
  q8Cache: {
    ...{ name: 'Q8 cache', precision: 'Q8', ...plain },
    rounds: { caches: (rows, width) => (width === 1 ? rows.map(toBf16) : eightBits(rows, width, 32, toHalf)) },
  },
  bf16Cache: { name: 'bf16 cache', precision: 'bf16', ...plain, rounds: { caches: each(toBf16) } },
  formulas: { name: 'other formulas', precision: 'f32', ...plain, rounds: { formula: OTHER_FORMULAS } },
} as const satisfies Readonly<Record<string, EngineKind>>;
