/** Which elements of a result are wrong. */
import type { Dims } from '../../graph/graph';

export interface Elements {
  readonly ne: Dims;
  readonly right: Float32Array;
  readonly wrong: Float32Array;
  /** One per element: RIGHT, WRONG or UNCOMPARED. */
  readonly states: Uint8Array;
  /** Differences up to this are rounding. */
  readonly limit: number;
  readonly compared: number;
  readonly off: number;
}

export const RIGHT = 0;
export const WRONG = 1;
/** Not the candidate's own: says nothing. */
export const UNCOMPARED = 2;

/** An element counts as wrong from this many standard deviations of the noise. */
const DEVIATIONS = 4;

/** @param noiseFloor of the node, as NMSE @param mask 1 where the elements are compared; all when absent */
export function classify(
  right: Float32Array,
  wrong: Float32Array,
  ne: Dims,
  noiseFloor: number,
  mask?: Uint8Array,
): Elements {
  let compared = 0;
  let energy = 0;
  for (let i = 0; i < right.length; i++) {
    if (mask?.[i] === 0) continue;
    compared++;
    if (Number.isFinite(right[i])) energy += right[i]! ** 2;
  }
  const limit = DEVIATIONS * Math.sqrt((noiseFloor * energy) / Math.max(compared, 1));
  const states = new Uint8Array(right.length);
  let off = 0;
  for (let i = 0; i < right.length; i++) {
    if (mask?.[i] === 0) states[i] = UNCOMPARED;
    else if (isOff(right[i]!, wrong[i]!, limit)) {
      states[i] = WRONG;
      off++;
    }
  }
  return { ne, right, wrong, states, limit, compared, off };
}

function isOff(right: number, wrong: number, limit: number): boolean {
  if (wrong === right || (right !== right && wrong !== wrong)) return false;
  return !(Math.abs(wrong - right) <= limit);
}

/** Index in each dimension, ne[0] fastest. */
export function coordinate(i: number, ne: Dims): Dims {
  const rows = Math.floor(i / ne[0]);
  const planes = Math.floor(rows / ne[1]);
  return [i % ne[0], rows % ne[1], planes % ne[2], Math.floor(planes / ne[2])];
}
