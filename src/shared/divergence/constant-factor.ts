import { MARGIN } from '../compare/tolerance';

/** By what all values of a node are off, and how far rounding leaves that open (relative). */
export interface ConstantFactor {
  readonly value: number;
  readonly within: number;
}

/** What is left of n values that are right to rounding moves their common factor by its nth part; four deviations. */
const DEVIATIONS = 4;
/** f32 values alone leave this open. */
const LEAST_OPEN = 1e-6;

/**
 * The one factor by which all of a node's values differ from the right ones; undefined where anything but rounding is
 * left of them then.
 * @param ways correct results; the one that leaves the least counts
 * @param floor the node's noise floor
 */
export function constantFactor(
  ways: readonly Float32Array[],
  values: Float32Array,
  mask: Uint8Array | undefined,
  floor: number,
): ConstantFactor | undefined {
  const fits = ways.flatMap((right) => fitTo(right, values, mask) ?? []);
  const [best] = fits.sort((a, b) => a.left - b.left);
  if (!best || best.left > MARGIN.node * floor) return undefined;
  return { value: best.factor, within: LEAST_OPEN + DEVIATIONS * Math.sqrt(best.left / best.count) };
}

interface Fit {
  readonly factor: number;
  /** Share of the values' energy that the factor leaves. */
  readonly left: number;
  readonly count: number;
}

function fitTo(right: Float32Array, values: Float32Array, mask: Uint8Array | undefined): Fit | undefined {
  let [product, energy, own, count] = [0, 0, 0, 0];
  for (let i = 0; i < right.length; i++) {
    if (mask && mask[i] === 0) continue;
    product += values[i]! * right[i]!;
    energy += right[i]! ** 2;
    own += values[i]! ** 2;
    count++;
  }
  const factor = product / energy;
  if (!Number.isFinite(factor) || factor <= 0) return undefined;
  // by what was added up so far, Σ(v − f·r)² would cancel to nothing
  let left = 0;
  for (let i = 0; i < right.length; i++) {
    if (mask && mask[i] === 0) continue;
    left += (values[i]! - factor * right[i]!) ** 2;
  }
  return { factor, left: left / own, count };
}
