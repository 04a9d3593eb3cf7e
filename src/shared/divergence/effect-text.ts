/** What bad nodes do to the answer, in words: the same on every surface. */
import type { TokenLogit } from '../compare/comparison';
import type { Cause } from './cause';
import type { BadNode, Bug, Effect, Verdict } from './verdict';

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

/** The bug that a bad node is part of; undefined where it is all of that. */
export function bugOfNode({ bugs }: Pick<Verdict, 'bugs'>, { node, step }: BadNode): Bug | undefined {
  return bugs.find((bug) => bug.step === step && bug.nodes.length > 1 && bug.nodes.includes(node));
}

/** `this bug, at 48 nodes, turns …`; undefined where that is not known. */
export function bugText({ nodes, cause, effect }: Bug): string | undefined {
  if (!effect) return undefined;
  const what = cause ? 'this bug' : 'the same error';
  return `${what}, at ${nodes.length} nodes, ${effectText(effect)}`;
}

/**
 * Bugs whose causes are proved, so that it is sure that they are several. What NaN and Inf make of other nodes is no
 * proof: ops treat them in ways that nobody wrote down.
 */
export function independentBugs({ bugs, allBad }: Pick<Verdict, 'bugs' | 'allBad'>): readonly Bug[] {
  const isFinite = ({ step, nodes: [first] }: Bug): boolean =>
    allBad.some((b) => b.step === step && b.node === first && Number.isFinite(b.localNmse));
  const proved = bugs.filter((bug) => bug.cause && isFinite(bug));
  return proved.length > 1 ? proved : [];
}

/** `two independent bugs: …`, where that is sure. */
export function independenceText(v: Pick<Verdict, 'bugs' | 'allBad'>): string | undefined {
  const bugs = independentBugs(v);
  if (bugs.length === 0) return undefined;
  const count = NUMBERS[bugs.length] ?? String(bugs.length);
  return (
    `${count} independent bugs, each wrong on right inputs and for a reason of its own, so that mending one leaves ` +
    `the ${bugs.length === 2 ? 'other' : 'others'}: ${bugs.map(bugLine).join('; ')}`
  );
}

const NUMBERS: readonly (string | undefined)[] = [undefined, undefined, 'two', 'three', 'four'];

function bugLine({ nodes, step, cause, effect }: Bug): string {
  const more = nodes.length > 1 ? ` and ${nodes.length - 1} more` : '';
  const where = `${nameOfBad({ node: nodes[0] ?? '', step })}${more}`;
  const does = effect ? `, ${nodes.length > 1 ? 'together ' : ''}${effectText(effect)}` : '';
  return `${where} (${causeText(cause)})${does}`;
}

function causeText(cause: Cause | null): string {
  if (!cause) return 'unexplained';
  const parameters = Object.entries(cause.parameters).map(([name, value]) => `${name} ${shortValue(value)}`);
  return parameters.length === 0 ? cause.title : `${cause.title}: ${parameters.join(', ')}`;
}

function shortValue(value: number | string): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : value;
}
