/** Sums over the elements that are compared and finite on both sides. */
import type { Site } from '../../site';

export interface Judged {
  readonly right: Float32Array;
  readonly wrong: Float32Array;
  /** Compared and finite on both sides. */
  readonly isCompared: (i: number) => boolean;
}

/** The site's result on both sides; undefined inside a stretch. */
export function judged({ right, wrong, mask }: Site): Judged | undefined {
  if (!wrong) return undefined;
  const isCompared = (i: number): boolean =>
    (mask === undefined || mask[i] === 1) && Number.isFinite(right[i]) && Number.isFinite(wrong[i]);
  return { right, wrong, isCompared };
}

/** Least number of elements from which one or two estimated numbers say something. */
export const LEAST_ELEMENTS = 16;
