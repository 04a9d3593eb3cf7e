/** How wrong and right values relate: factors, offsets, signs, one value for all. */
import type { ShapeFinding } from '../../divergence/cause';
import type { Elements } from './elements';
import { UNCOMPARED, WRONG } from './elements';

/** Share of the squared error that a description has to explain. */
const EXPLAINED = 0.98;
/** Share of the wrong elements for which a statement has to hold. */
const MOST = 0.95;
/** Fewer rows fit a value per column by accident. */
const LEAST_ROWS = 3;
/** Fewer elements fit a factor by accident. */
const LEAST_ELEMENTS = 8;

/** Best first. */
export function ratioFindings(elements: Elements): readonly ShapeFinding[] {
  const flat = oneValue(elements);
  if (flat) return [flat];
  const whole = grouped(elements, 1, () => 0)[0] ?? new Sums();
  const error = whole.dd;
  if (!(error > 0)) return [];
  const simple = wholeRatio(whole) ?? wholeOffset(whole);
  if (simple) return [simple];
  const found = [signFlips(elements), perRow(elements, error), sameVector(elements, error), perColumn(elements, error)];
  return found.filter((f) => f !== undefined);
}

/** Sums of one group of elements. */
class Sums {
  count = 0;
  rr = 0;
  rw = 0;
  ww = 0;
  /** Σ (wrong − right) and Σ (wrong − right)² */
  d = 0;
  dd = 0;

  add(r: number, w: number): void {
    this.count++;
    this.rr += r * r;
    this.rw += r * w;
    this.ww += w * w;
    this.d += w - r;
    this.dd += (w - r) ** 2;
  }

  get factor(): number {
    return this.rw / this.rr;
  }

  /** Σ (wrong − factor × right)² */
  get afterFactor(): number {
    return this.rr > 0 ? Math.max(0, this.ww - (this.rw * this.rw) / this.rr) : this.ww;
  }

  /** Σ (wrong − right − mean difference)² */
  get afterOffset(): number {
    return this.count > 0 ? Math.max(0, this.dd - (this.d * this.d) / this.count) : 0;
  }
}

/** Sums by group of the compared elements that are finite on both sides. */
function grouped({ right, wrong, states }: Elements, groups: number, groupOf: (i: number) => number): readonly Sums[] {
  const sums = Array.from({ length: groups }, () => new Sums());
  for (let i = 0; i < right.length; i++) {
    const [r, w] = [right[i]!, wrong[i]!];
    if (states[i] !== UNCOMPARED && Number.isFinite(r) && Number.isFinite(w)) sums[groupOf(i)]!.add(r, w);
  }
  return sums;
}

/** A factor below says that the main part of the result is missing. */
const NOTHING_LEFT = 1e-3;

function wholeRatio(sums: Sums): ShapeFinding | undefined {
  if (sums.count < LEAST_ELEMENTS || 1 - sums.afterFactor / sums.dd < EXPLAINED) return undefined;
  const { factor } = sums;
  const text =
    Math.abs(factor) < NOTHING_LEFT
      ? 'Next to nothing is left of the right result: the values are far smaller.'
      : Math.abs(factor + 1) < 1e-3
        ? 'Every element has its sign flipped.'
        : `Every element is the right one times ${number(factor)}${simpleText(factor)}.`;
  return { kind: 'ratio', text };
}

function wholeOffset(sums: Sums): ShapeFinding | undefined {
  if (sums.count < LEAST_ELEMENTS || 1 - sums.afterOffset / sums.dd < EXPLAINED) return undefined;
  return { kind: 'offset', text: `Every element is the right one plus ${number(sums.d / sums.count)}.` };
}

function perRow(elements: Elements, error: number): ShapeFinding | undefined {
  const [n] = elements.ne;
  const rows = elements.right.length / n;
  if (n < LEAST_ELEMENTS || rows < 2) return undefined;
  const sums = grouped(elements, rows, (i) => Math.floor(i / n)).filter((s) => s.rr > 0);
  const left = sums.reduce((total, s) => total + s.afterFactor, 0);
  if (1 - left / error < EXPLAINED) return undefined;
  const text = `Each row is the right one times a factor of its own, ${spreadText(sums)}: a norm or scale per row.`;
  return { kind: 'ratio', text };
}

function perColumn(elements: Elements, error: number): ShapeFinding | undefined {
  const [n] = elements.ne;
  if (elements.right.length / n < LEAST_ROWS || n < 2) return undefined;
  const sums = grouped(elements, n, (i) => i % n).filter((s) => s.rr > 0);
  const left = sums.reduce((total, s) => total + s.afterFactor, 0);
  if (1 - left / error < EXPLAINED) return undefined;
  const text = `Each column has a factor of its own, the same in all rows, ${spreadText(sums)}: like a weight per channel.`;
  return { kind: 'ratio', text };
}

function sameVector(elements: Elements, error: number): ShapeFinding | undefined {
  const [n] = elements.ne;
  const rows = elements.right.length / n;
  if (rows < LEAST_ROWS || n < 2) return undefined;
  const sums = grouped(elements, n, (i) => i % n);
  const left = sums.reduce((total, s) => total + s.afterOffset, 0);
  if (1 - left / error < EXPLAINED) return undefined;
  return { kind: 'offset', text: `The difference is the same vector in all ${rows} rows: like a bias.` };
}

function signFlips({ right, wrong, states, limit, off }: Elements): ShapeFinding | undefined {
  let flipped = 0;
  for (let i = 0; i < right.length; i++) {
    const [r, w] = [right[i]!, wrong[i]!];
    if (states[i] === WRONG && Math.abs(w + r) <= Math.max(limit, 1e-3 * Math.abs(r))) flipped++;
  }
  if (flipped < MOST * off) return undefined;
  return { kind: 'sign', text: `The wrong elements (${flipped}) are the right ones with their signs flipped.` };
}

/** Wrong elements that all hold the same finite value. */
function oneValue({ wrong, states, off, compared }: Elements): ShapeFinding | undefined {
  const counts = new Map<number, number>();
  for (let i = 0; i < wrong.length; i++) {
    if (states[i] === WRONG) counts.set(wrong[i]!, (counts.get(wrong[i]!) ?? 0) + 1);
    if (counts.size > MOST_VALUES) return undefined;
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (!most || off < 2 || most[1] < MOST * off || !Number.isFinite(most[0])) return undefined;
  const which = off === compared ? 'All elements' : `The wrong elements (${off} of ${compared})`;
  return { kind: 'one-value', text: `${which} are ${most[0] === 0 ? 'zero' : number(most[0])}.` };
}

/** More different values than this are not one value. */
const MOST_VALUES = 1000;

/** The middle four fifths: near-zero channels have any factor. */
function spreadText(sums: readonly Sums[]): string {
  const factors = sums.map((s) => s.factor).sort((a, b) => a - b);
  const at = (share: number): string => number(factors[Math.floor(share * factors.length)]!);
  return `mostly ${at(0.1)} to ${at(0.9)}`;
}

function number(x: number): string {
  return Number(x.toPrecision(6)).toString();
}

/** The number that a factor nearly is, where it is a simple one. */
function simpleText(factor: number): string {
  const magnitude = Math.abs(factor);
  for (let n = 2; n <= 1 << 16; n *= 2) {
    if (Math.abs(magnitude * n - 1) < 1e-4) return ` (1/${n})`;
    if (Math.abs(magnitude / Math.sqrt(n) - 1) < 1e-4 && !Number.isInteger(Math.sqrt(n))) return ` (√${n})`;
    if (Math.abs(magnitude * Math.sqrt(n) - 1) < 1e-4) return ` (1/√${n})`;
  }
  return '';
}
