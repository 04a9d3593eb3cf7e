/** Which bad nodes are one bug. */
import type { Cause } from './cause';

/** What tells a bad node's bug. */
export interface BugSign {
  readonly op: string;
  /** Trace key. */
  readonly node: string;
  readonly cause: Pick<Cause, 'id' | 'parameters'> | null;
}

/**
 * Bad nodes by bug, each in the order given. One bug shows in the same place of every layer, and with the same cause
 * wherever its code runs. So nodes of one bug are told apart only where they differ in place and cause, never the other
 * way round.
 */
export function bugsAmong<T>(bad: readonly T[], signOf: (b: T) => BugSign): readonly (readonly T[])[] {
  const bugs: { readonly nodes: T[]; readonly signs: BugSign[] }[] = [];
  for (const b of bad) {
    const sign = signOf(b);
    const known = bugs.find(({ signs }) => signs.some((s) => isSame(s, sign)));
    if (known) {
      known.nodes.push(b);
      known.signs.push(sign);
    } else bugs.push({ nodes: [b], signs: [sign] });
  }
  return bugs.map(({ nodes }) => nodes);
}

function isSame(a: BugSign, b: BugSign): boolean {
  return placeOf(a) === placeOf(b) || (a.cause !== null && b.cause !== null && isAlike(a.cause, b.cause));
}

/** The node's place in any layer: one line of an engine's code. */
function placeOf({ op, node }: BugSign): string {
  return `${op} ${node.replace(/#\d+$/, '').replace(/[-_]\d+$/, '')}`;
}

/** A cause shows with other numbers at other nodes, as it is of rows or of a layer, but never with all others. */
function isAlike(a: NonNullable<BugSign['cause']>, b: NonNullable<BugSign['cause']>): boolean {
  if (a.id !== b.id) return false;
  const names = Object.keys(a.parameters);
  return names.length === 0 || names.some((name) => isEqual(a.parameters[name], b.parameters[name]));
}

/** Fitted numbers are equal to some digits. */
const DIGITS = 1e-3;

function isEqual(a: number | string | undefined, b: number | string | undefined): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Math.abs(a - b) <= DIGITS * Math.max(Math.abs(a), Math.abs(b));
}
