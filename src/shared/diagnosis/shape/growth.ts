/** Errors that hang on the position or on the size of values. */
import type { ShapeFinding } from '../../divergence/cause';
import type { Elements } from './elements';
import { RIGHT, UNCOMPARED, WRONG } from './elements';

/** Fewer tokens show no trend. */
const LEAST_TOKENS = 4;
/** An error this much smaller than the last token's is rounding. */
const ROUNDING = 1e-2;
/** Rank correlation from which an error grows. */
const GROWS = 0.9;

/** @param tokens dimension that counts tokens */
export function growthFindings(elements: Elements, tokens: 1 | 2): readonly ShapeFinding[] {
  const errors = relativeErrors(elements, tokens);
  const later = errors.slice(1);
  const found: ShapeFinding[] = [];
  if (errors.length >= LEAST_TOKENS && later.every((e) => e > 0)) {
    const start =
      errors[0]! <= ROUNDING * later[later.length - 1]!
        ? 'The first token is right, and the error of the others'
        : 'The error';
    if (rankCorrelation(errors) >= GROWS && later[later.length - 1]! > 2 * later[0]!) {
      const text = `${start} grows with the position: from ${percent(later[0]!)} to ${percent(later[later.length - 1]!)}.`;
      found.push({ kind: 'position', text });
    }
  }
  const large = largeOnly(elements);
  return large ? [...found, large] : found;
}

/** Error over right values, as root mean squares, per token. */
function relativeErrors({ ne, right, wrong, states }: Elements, tokens: 1 | 2): readonly number[] {
  const inner = tokens === 1 ? ne[0] : ne[0] * ne[1];
  const n = ne[tokens];
  const [errors, energies] = [new Float64Array(n), new Float64Array(n)];
  for (let i = 0; i < right.length; i++) {
    const d = wrong[i]! - right[i]!;
    if (states[i] === UNCOMPARED || !Number.isFinite(d)) continue;
    const token = Math.floor(i / inner) % n;
    energies[token]! += right[i]! ** 2;
    if (states[i] === WRONG) errors[token]! += d * d;
  }
  return Array.from(errors, (e, t) => (energies[t]! > 0 ? Math.sqrt(e / energies[t]!) : 0));
}

/** Spearman's, of values with their places. */
function rankCorrelation(values: readonly number[]): number {
  const n = values.length;
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  const squares = order.reduce((sum, place, rank) => sum + (place - rank) ** 2, 0);
  return 1 - (6 * squares) / (n * (n * n - 1));
}

/** Share of the right elements that may be as large as the wrong ones. */
const FEW = 0.02;

/** Where only the largest elements are wrong: overflow or clipping. */
function largeOnly({ right, wrong, states, off, compared }: Elements): ShapeFinding | undefined {
  if (off < 2 || off > compared / 2) return undefined;
  let least = Infinity;
  for (let i = 0; i < right.length; i++) if (states[i] === WRONG) least = Math.min(least, Math.abs(right[i]!));
  let beyond = 0;
  let smaller = 0;
  for (let i = 0; i < right.length; i++) {
    if (states[i] === RIGHT && Math.abs(right[i]!) >= least) beyond++;
    if (states[i] === WRONG && Math.abs(wrong[i]!) < Math.abs(right[i]!)) smaller++;
  }
  if (!(least > 0) || beyond > FEW * (compared - off)) return undefined;
  const how = smaller > 0.9 * off ? ', and come out too small (clipped)' : '';
  return { kind: 'magnitude', text: `Only elements of magnitude ${least.toPrecision(4)} and more are wrong${how}.` };
}

function percent(x: number): string {
  return `${Number((100 * x).toPrecision(2))} %`;
}
