/**
 * In which type a dump's values were stored before somebody widened them to f32: a bf16 engine's values have sixteen
 * zero bits at their ends, an f16 engine's thirteen and exponents of f16.
 */
import type { TraceDtype } from './trace';

type Floats = Extract<TraceDtype, 'F32' | 'F16' | 'BF16'>;

/** Values other than zero that a checkpoint must have to tell: a few may be round by chance. */
const LEAST_VALUES = 16;

/** The narrowest type that holds every value; undefined where there are too few to tell. */
export function narrowestType(values: Float32Array): Floats | undefined {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let isBf16 = true;
  let isF16 = true;
  let count = 0;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const exponent = (word >>> 23) & 0xff;
    if (exponent === 0 || exponent === 0xff) continue;
    count++;
    if ((word & 0xffff) !== 0) isBf16 = false;
    if (isF16 && !fitsF16(word, exponent - 127)) isF16 = false;
    if (!isBf16 && !isF16) return 'F32';
  }
  if (count < LEAST_VALUES) return undefined;
  return isBf16 ? 'BF16' : 'F16';
}

function fitsF16(word: number, exponent: number): boolean {
  if (exponent > 15 || exponent < -24) return false;
  const kept = exponent >= -14 ? 10 : exponent + 24;
  return (word & ((1 << (23 - kept)) - 1)) === 0;
}

/** The stored type of each checkpoint where most are of the same narrow one. */
export interface StoredPrecision {
  readonly type: 'F16' | 'BF16';
  /** Checkpoints of that type, and those that tell. */
  readonly count: number;
  readonly of: number;
  /** Keys of the checkpoints of that type. */
  readonly keys: ReadonlySet<string>;
}

/**
 * Looks at every checkpoint that is given as f32. Undefined where no narrow type holds most of them: single ones may be
 * rows of an f16 embedding.
 */
export function storedPrecision(
  keys: Iterable<string>,
  read: (key: string) => Float32Array,
): StoredPrecision | undefined {
  const byType = { F16: new Set<string>(), BF16: new Set<string>(), F32: new Set<string>() };
  for (const key of keys) {
    const type = narrowestType(read(key));
    if (type) byType[type].add(key);
  }
  const of = byType.F16.size + byType.BF16.size + byType.F32.size;
  const type = byType.BF16.size >= byType.F16.size ? 'BF16' : 'F16';
  const found = byType[type];
  return 2 * found.size > of ? { type, count: found.size, of, keys: found } : undefined;
}
