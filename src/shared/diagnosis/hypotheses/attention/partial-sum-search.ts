/** Which terms of dot products were summed, judged by some of the wrong sums. */
import type { Site } from '../../site';
import { sourceTensor } from '../../site';
import { dotRows } from './dot-rows';

export interface PartialSum {
  /** `first`: the first `count` terms; `after`: those from `count` on; `lanes`: the first `count` of every `block`. */
  readonly kind: 'first' | 'after' | 'lanes';
  readonly block: number;
  readonly count: number;
}

/** Sums that are looked at: those with the largest errors. */
const SAMPLES = 24;
const BLOCKS = [8, 16, 32, 64, 128, 256, 512, 1024];
/** A partial sum must leave less than this share of the samples' squared error. */
const MOST_LEFT = 0.5;

/** The nearest of each kind and block, where it comes near. */
export function likelyPartialSums(site: Site, wrong: Float32Array): readonly PartialSum[] {
  const length = sourceTensor(site, 1)?.ne[0] ?? 0;
  const samples = worstElements(site, wrong);
  if (samples.length === 0 || length < 2) return [];
  const terms = samples.map((i) => termsOf(site, i));
  const sums = samples.map((i) => wrong[i] as number);
  const error = samples.reduce((e, i) => e + ((wrong[i] as number) - (site.right[i] as number)) ** 2, 0);
  const found: (PartialSum & { left: number })[] = [];
  const keep = (partial: PartialSum, left: number): void => {
    if (left < MOST_LEFT * error) found.push({ ...partial, left });
  };
  for (const kind of ['first', 'after'] as const) {
    const [count, left] = bestCount(terms, sums, length, kind === 'after');
    keep({ kind, block: length, count }, left);
  }
  for (const block of BLOCKS) {
    if (block >= length) break;
    const [count, left] = bestCount(
      terms.map((t) => laneSums(t, block)),
      sums,
      block,
      false,
    );
    keep({ kind: 'lanes', block, count }, left);
  }
  // of lanes 5 of 8 and 5 of 16 … the larger block explains no more than the smaller
  return found.sort((a, b) => a.left - b.left || a.block - b.block).slice(0, 3);
}

/** How many of `size` terms, from the first on (or left out from the first on), come nearest to the sums. */
function bestCount(
  terms: readonly Float64Array[],
  sums: readonly number[],
  size: number,
  leavesOut: boolean,
): readonly [number, number] {
  const error = new Float64Array(size + 1);
  terms.forEach((own, s) => {
    const wanted = sums[s] as number;
    let sum = leavesOut ? own.reduce((a, b) => a + b, 0) : 0;
    for (let n = 1; n < size; n++) {
      const term = own[n - 1] as number;
      sum += leavesOut ? -term : term;
      error[n]! += (sum - wanted) ** 2;
    }
  });
  let best = 1;
  for (let n = 2; n < size; n++) if ((error[n] as number) < (error[best] as number)) best = n;
  return [best, error[best] as number];
}

function laneSums(terms: Float64Array, block: number): Float64Array {
  const sums = new Float64Array(block);
  for (let k = 0; k < terms.length; k++) sums[k % block]! += terms[k] as number;
  return sums;
}

function worstElements(site: Site, wrong: Float32Array): readonly number[] {
  const error = (i: number): number => Math.abs((wrong[i] as number) - (site.right[i] as number));
  const worst: number[] = [];
  let least = 0;
  for (let i = 0; i < wrong.length; i++) {
    const e = error(i);
    if (!(e > least) || !Number.isFinite(e) || site.mask?.[i] === 0) continue;
    worst.push(i);
    if (worst.length <= 2 * SAMPLES) continue;
    worst.sort((a, b) => error(b) - error(a));
    worst.length = SAMPLES;
    least = error(worst[SAMPLES - 1] as number);
  }
  return worst.sort((a, b) => error(b) - error(a)).slice(0, SAMPLES);
}

/** The products that make up one element of the result. */
function termsOf(site: Site, element: number): Float64Array {
  const { a, b } = dotRows(site, element);
  return Float64Array.from(a, (x, k) => x * (b[k] as number));
}
