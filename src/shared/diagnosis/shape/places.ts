/** Where the wrong elements lie: rows, columns, heads, places within blocks, and what is right beside them. */
import type { ShapeFinding } from '../../divergence/cause';
import type { OpKind } from '../../graph/ggml-op';
import type { Elements } from './elements';
import { UNCOMPARED, WRONG } from './elements';
import { rangesOf, rangesText } from './ranges';

/** What an index along dimensions 1 and 2 counts: scores keep heads outermost, queries and keys tokens. */
interface Names {
  readonly kind: string;
  readonly one: string;
  readonly many: string;
}

const ROWS: Names = { kind: 'rows', one: 'row', many: 'Rows' };
const COLUMNS: Names = { kind: 'columns', one: 'column', many: 'Columns' };
const HEADS: Names = { kind: 'heads', one: 'head', many: 'Heads' };
const TOKENS: Names = { kind: 'rows', one: 'token', many: 'Tokens' };
const SEQUENCES: Names = { kind: 'planes', one: 'sequence', many: 'Sequences' };
const SCORES: ReadonlySet<OpKind> = new Set<OpKind>(['MUL_MAT', 'SOFT_MAX', 'SCALE', 'TANH']);

export function placeFindings(elements: Elements, kind: OpKind): readonly ShapeFinding[] {
  const { ne, off } = elements;
  if (off === 0) return [];
  const inPlanes = ne[2] > 1;
  const names = [COLUMNS, ROWS, HEADS, SEQUENCES];
  if (inPlanes) [names[1], names[2]] = SCORES.has(kind) ? [TOKENS, HEADS] : [HEADS, TOKENS];
  const byIndex = [3, 2, 1].flatMap((d) => along(elements, d, names[d] ?? ROWS));
  const inBlocks = withinBlocks(elements);
  return [...byIndex, ...(inBlocks ? [inBlocks] : along(elements, 0, COLUMNS))];
}

/** An index counts as right when its mean squared error is below this share of the result's: rounding. */
const RIGHT_SHARE = 1e-4;

/** Indices along dimension `d` that are wrong, and those that are right. */
function indicesAlong(elements: Elements, d: number): { wrong: readonly number[]; right: readonly number[] } {
  const { ne, states } = elements;
  const inner = ne.slice(0, d).reduce((p, n) => p * n, 1);
  const n = ne[d]!;
  const [errors, counts] = [new Float64Array(n), new Uint32Array(n)];
  for (let i = 0; i < states.length; i++) {
    if (states[i] === UNCOMPARED) continue;
    const at = Math.floor(i / inner) % n;
    counts[at]!++;
    if (states[i] === WRONG) errors[at]! += squaredError(elements, i);
  }
  const limit = RIGHT_SHARE * meanSquaredError(elements);
  const all = Array.from({ length: n }, (_, i) => i).filter((i) => counts[i]! > 0);
  const isWrong = (i: number): boolean => errors[i]! > limit * counts[i]!;
  return { wrong: all.filter(isWrong), right: all.filter((i) => !isWrong(i)) };
}

/** Infinite where either side is not finite. */
function squaredError({ right, wrong }: Elements, i: number): number {
  const d = wrong[i]! - right[i]!;
  return Number.isFinite(d) ? d * d : Infinity;
}

/** Over the elements that are finite on both sides. */
function meanSquaredError(elements: Elements): number {
  let sum = 0;
  for (let i = 0; i < elements.states.length; i++) {
    const error = elements.states[i] === WRONG ? squaredError(elements, i) : 0;
    if (Number.isFinite(error)) sum += error;
  }
  return sum / elements.compared;
}

function along(elements: Elements, d: number, { kind, one, many }: Names): readonly ShapeFinding[] {
  const n = elements.ne[d]!;
  const { wrong, right } = indicesAlong(elements, d);
  const [first] = wrong;
  if (first === undefined || right.length === 0) return [];
  const isTail = wrong.length === n - first && right.length === first;
  if (wrong.length === 1) {
    const which = first === n - 1 ? `the last ${one} (${first})` : `${one} ${first}`;
    return [{ kind: isTail ? 'tail' : kind, text: `Only ${which} of ${n} is wrong.` }];
  }
  if (isTail) {
    const before = first === 1 ? `Only ${one} 0 is right` : `${many} up to ${first - 1} are right`;
    return [{ kind: 'tail', text: `${before}; from ${one} ${first} on, to ${n - 1}, they are wrong.` }];
  }
  if (isScattered(wrong, right, n)) return [];
  const rest = right.length < wrong.length ? `right are only ${rangesText(right)}` : 'the others are right';
  return [{ kind, text: `${many} ${rangesText(wrong)} of ${n} are wrong; ${rest}.` }];
}

/** Ranges that a finding may have. */
const MOST_RANGES = 4;

/** Whether neither the wrong nor the right indices make a pattern: many of both, here and there. */
function isScattered(wrong: readonly number[], right: readonly number[], n: number): boolean {
  const ranges = Math.min(rangesOf(wrong).length, rangesOf(right).length);
  return ranges > MOST_RANGES && Math.min(wrong.length, right.length) > n / 8;
}

/** Sizes of blocks and workgroups after which a pattern over the columns may recur, least first. */
const PERIODS = [2, 4, 8, 16, 32, 64, 128, 256];
/** Share of the columns at wrong places that have to be wrong. */
const DENSE = 0.8;

/** Places within every block of columns that are wrong. */
function withinBlocks(elements: Elements): ShapeFinding | undefined {
  const [n] = elements.ne;
  const { wrong } = indicesAlong(elements, 0);
  if (wrong.length === n) return undefined;
  for (const period of PERIODS) {
    if (n < 2 * period) break;
    const places = [...new Set(wrong.map((c) => c % period))].sort((a, b) => a - b);
    if (places.length === period) continue;
    const candidates = Math.ceil((n / period) * places.length);
    if (wrong.length < DENSE * candidates) continue;
    const text = `Columns ${rangesText(places)} of every ${period} are wrong${subBlocks(places, period)}; the others are right.`;
    return { kind: 'sub-blocks', text };
  }
  return undefined;
}

/** Which sub-blocks of 32 of a super-block these are, where they are whole ones. */
function subBlocks(places: readonly number[], period: number): string {
  if (period !== 256) return '';
  const touched = [...new Set(places.map((p) => p >> 5))];
  return places.length === touched.length * 32 ? ` (sub-blocks ${rangesText(touched)} of a super-block)` : '';
}
