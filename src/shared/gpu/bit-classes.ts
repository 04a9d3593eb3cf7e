/**
 * How a device's f32 stands to the exact one, by their bits: `flushed` is a subnormal result that became a zero of its
 * sign, which WGSL allows; `nan` is a NaN for a NaN of other bits, which IEEE 754 leaves open.
 */
export type BitClass = 'equal' | 'flushed' | 'nan' | 'different';

const LEAST_NORMAL = 0x00800000;
const INFINITY_BITS = 0x7f800000;

export function bitClass(got: number, exact: number): BitClass {
  if (got === exact) return 'equal';
  const magnitude = exact & 0x7fffffff;
  if (magnitude < LEAST_NORMAL) return magnitude !== 0 && got === (exact & 0x80000000) >>> 0 ? 'flushed' : 'different';
  return magnitude > INFINITY_BITS && (got & 0x7fffffff) > INFINITY_BITS ? 'nan' : 'different';
}

/** Counts by class, and where the two differ in a way that nothing allows. */
export interface BitTally {
  readonly equal: number;
  readonly flushed: number;
  readonly nan: number;
  /** Indices, first ones only. */
  readonly different: readonly number[];
  readonly differences: number;
}

const MOST_INDICES = 16;

/** Both as f32 bits, of equal length. */
export function tallyBits(got: Uint32Array, exact: Uint32Array): BitTally {
  const counts = { equal: 0, flushed: 0, nan: 0, different: 0 };
  const different: number[] = [];
  for (let i = 0; i < exact.length; i++) {
    const found = bitClass(got[i] as number, exact[i] as number);
    counts[found]++;
    if (found === 'different' && different.length < MOST_INDICES) different.push(i);
  }
  const { equal, flushed, nan, different: differences } = counts;
  return { equal, flushed, nan, different, differences };
}
