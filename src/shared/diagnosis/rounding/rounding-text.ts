import type { RoundedPart } from '../../divergence/rounding';
import type { OpKind } from '../../graph/ggml-op';
import type { Site } from '../site';

const PART: Readonly<Record<Exclude<RoundedPart, 'function'>, string>> = {
  activations: 'activations',
  results: 'results',
  sums: 'sums',
  weights: 'weights',
  cache: 'the cache',
};

/** "sums in F16", "activations underflow in F16", "TANH by another formula". */
export function roundingText(part: RoundedPart, grid: string, underflow: boolean, kind: OpKind | undefined): string {
  if (part === 'function') return `${kind ?? 'function'} by another formula`;
  return underflow ? `${PART[part]} underflow in ${grid}` : `${PART[part]} in ${grid}`;
}

export function partText(part: RoundedPart): string {
  return part === 'function' ? 'a function' : PART[part];
}

/** The least normal f16: below it, f16 loses bits, and everything below half of 2^-24. */
const LEAST_NORMAL = 2 ** -14;
/** Share of the values that have to lie below it. */
const LEAST_SHARE = 0.5;

/** Whether most of what is rounded lies below the normal numbers of f16. */
export function underflows(site: Site, part: RoundedPart): boolean {
  const values = part === 'results' ? [site.right] : site.node.src.map((_, i) => site.source(i) ?? []);
  return [...values, site.right].some((v) => {
    let [small, all] = [0, 0];
    for (const x of v) {
      if (x === 0 || x - x !== 0) continue;
      all++;
      if (Math.abs(x) < LEAST_NORMAL) small++;
    }
    return all > 0 && small >= LEAST_SHARE * all;
  });
}
