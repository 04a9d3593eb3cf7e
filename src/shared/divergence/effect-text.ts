/** What bad nodes do to the answer, in words: the same on every surface. */
import type { TokenLogit } from '../compare/comparison';
import type { Cause } from './cause';
import type { BadNode, Effect } from './verdict';

/** A bad node whose error was followed to the answer. */
export type FollowedNode = BadNode & { readonly effect: Effect };

/** `turns " Paris" into " Mauritania" (KLD 8.1)`, or `changes no answer (KLD 3e-5; " Paris" stays)`. */
export function effectText({ kld, sameTop, token, right }: Effect): string {
  if (!token) return `turns ${tokenText(right)} into NaN`;
  const size = `KLD ${kldText(kld)}`;
  return sameTop
    ? `changes no answer (${size}; ${tokenText(right)} stays)`
    : `turns ${tokenText(right)} into ${tokenText(token)} (${size})`;
}

export function kldText(kld: Effect['kld']): string {
  if (kld === null) return 'infinite';
  if (kld === 0) return '0';
  return kld >= 1e-3 ? String(Number(kld.toPrecision(2))) : kld.toExponential(0);
}

export function tokenText({ token, text }: TokenLogit): string {
  return text === undefined ? `#${token}` : JSON.stringify(text);
}

/** `Qcur-0#0`, or `Qcur-0#0 of decode step 2`. */
export function nameOfBad({ node, step }: Pick<BadNode, 'node' | 'step'>): string {
  return step === 0 ? node : `${node} of decode step ${step}`;
}

/** The nodes whose errors were followed, the largest effect first; others say nothing of theirs. */
export function rankedByEffect(bad: readonly BadNode[]): readonly FollowedNode[] {
  return bad.filter(isFollowed).sort((a, b) => sizeOf(b.effect) - sizeOf(a.effect));
}

function isFollowed(b: BadNode): b is FollowedNode {
  return b.effect !== null;
}

/** Of two infinite ones the earlier node stays first. */
function sizeOf({ kld }: Effect): number {
  return kld ?? Number.MAX_VALUE;
}

/**
 * One node of each bug that is surely another one, in graph order; empty where there are not two: nodes of different
 * names and ops, whose proved causes differ in kind or in every parameter. What NaN makes of a run proves nothing so.
 */
export function independentBugs(bad: readonly BadNode[]): readonly FollowedNode[] {
  const found: FollowedNode[] = [];
  for (const b of rankedByEffect(bad)) {
    if (b.cause && b.effect.kld !== null && found.every((other) => isAnother(b, other))) found.push(b);
  }
  return found.length < 2 ? [] : bad.filter((b): b is FollowedNode => found.some((f) => f === b));
}

/** `two independent bugs: …`, where that is sure. */
export function independenceText(bad: readonly BadNode[]): string | undefined {
  const bugs = independentBugs(bad);
  if (bugs.length === 0) return undefined;
  const each = bugs.map((b) => `${nameOfBad(b)} (${causeOf(b)})`).join(' and ');
  return (
    `${NUMBERS[bugs.length] ?? bugs.length} independent bugs: ${each}; each is wrong on right inputs and for a reason ` +
    'of its own, so mending one leaves the others'
  );
}

const NUMBERS: readonly (string | undefined)[] = [undefined, undefined, 'two', 'three', 'four'];

function causeOf({ cause }: BadNode): string {
  if (!cause) return 'unexplained';
  const parameters = Object.entries(cause.parameters).map(([name, value]) => `${name} ${shortValue(value)}`);
  return parameters.length === 0 ? cause.title : `${cause.title}: ${parameters.join(', ')}`;
}

function shortValue(value: number | string): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : value;
}

function isAnother(a: BadNode, b: BadNode): boolean {
  return placeOf(a) !== placeOf(b) && a.cause !== null && b.cause !== null && differs(a.cause, b.cause);
}

/** The node's place in any layer: one line of an engine's code. */
function placeOf({ op, node }: BadNode): string {
  return `${op} ${node.replace(/#\d+$/, '').replace(/[-_]\d+$/, '')}`;
}

/** A bug shows with the same cause wherever its code runs, and often with other numbers, but never with all others. */
function differs(a: Cause, b: Cause): boolean {
  if (a.id !== b.id) return true;
  const names = Object.keys(a.parameters);
  return names.length > 0 && names.every((name) => !isAlike(a.parameters[name], b.parameters[name]));
}

/** Fitted numbers are alike to some digits. */
const ALIKE = 1e-3;

function isAlike(a: number | string | undefined, b: number | string | undefined): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Math.abs(a - b) <= ALIKE * Math.max(Math.abs(a), Math.abs(b));
}
