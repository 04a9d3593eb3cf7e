/** What a candidate rounds, in words: the same on every surface. */
import { stepKey } from '../trace/steps';
import { EVERYWHERE } from './precision';
import type { ProfileEntry, RoundedNode, Verdict } from './verdict';

type Rounds = Pick<Verdict, 'rounded' | 'precision' | 'profile'>;

export interface RoundedLine {
  /** "activations in F16". */
  readonly what: string;
  /** Keys of the nodes, in graph order, those of decode steps with their step. */
  readonly nodes: readonly string[];
}

/** One line for each kind of rounding, the one at most nodes first. */
export function roundedLines({ rounded }: Pick<Verdict, 'rounded'>): readonly RoundedLine[] {
  const byText = new Map<string, RoundedNode[]>();
  for (const r of rounded) byText.set(r.rounding.text, [...(byText.get(r.rounding.text) ?? []), r]);
  return [...byText]
    .map(([what, nodes]) => ({ what, nodes: nodes.map((n) => stepKey(n.step, n.node)) }))
    .sort((a, b) => b.nodes.length - a.nodes.length);
}

export interface RoundingWords {
  /** In what the candidate computes; where it rounds to that everywhere, with all that rounds. */
  readonly precision: string | undefined;
  /** A sentence for each kind of rounding, as "2 nodes round (kqv-1, kqv-7): results in F16"; none where `precision` says all. */
  readonly sentences: readonly string[];
}

/** @param listed how many nodes of a kind are named */
export function roundingWords(v: Rounds, listed = 4): RoundingWords {
  const everywhere = everywhereText(v);
  if (everywhere !== undefined) return { precision: everywhere, sentences: [] };
  return { precision: v.precision?.text, sentences: roundedLines(v).map((line) => sentenceOf(line, listed)) };
}

function sentenceOf({ what, nodes }: RoundedLine, listed: number): string {
  const more = nodes.length > listed ? ` and ${nodes.length - listed} more` : '';
  return `${nodesRound(nodes.length)} (${nodes.slice(0, listed).join(', ')}${more}): ${what}`;
}

/** More nodes than a reader looks at one by one. */
const MANY = 8;

/**
 * "computes in F16: 61 of 73 mat-muls round to it; 3 nodes round otherwise": one line in place of a list, where most that
 * rounds, and much, rounds to the candidate's precision. Undefined elsewhere.
 */
function everywhereText({ rounded, precision, profile }: Rounds): string | undefined {
  const to = rounded.filter((r) => r.rounding.to === precision?.level);
  if (!precision || 2 * to.length <= rounded.length) return undefined;
  const [some, all] = [to, profile].map((nodes) => nodes.filter(isMatMul).length) as [number, number];
  const isOfMatMuls = all > 0 && some >= EVERYWHERE * all;
  if (to.length <= MANY && !isOfMatMuls) return undefined;
  // What was inferred from the mat-muls says how many round.
  const count = !precision.declared && isOfMatMuls ? '' : `; ${nodesRound(to.length)} to it`;
  const otherwise = rounded.length - to.length;
  return `${precision.text}${count}${otherwise === 0 ? '' : `; ${nodesRound(otherwise)} otherwise`}`;
}

function isMatMul({ op }: Pick<ProfileEntry, 'op'>): boolean {
  return op === 'MUL_MAT' || op === 'MUL_MAT_ID';
}

/** "1 node rounds", "8 nodes round". */
export function nodesRound(n: number): string {
  return n === 1 ? '1 node rounds' : `${n} nodes round`;
}

/** "; 8 of them round": what follows on a count of right nodes; empty where none rounds. */
export function ofThemRound({ rounded }: Pick<Verdict, 'rounded'>): string {
  const n = rounded.length;
  return n === 0 ? '' : `; ${n} of them round${n === 1 ? 's' : ''}`;
}

/**
 * "nothing is wrong, but 8 nodes round, and rounding counts (strict)", where that is all that differs; undefined
 * elsewhere.
 */
export function onlyRoundedText(v: Verdict): string | undefined {
  if (v.verdict !== 'diverged' || !v.strict || v.rounded.length === 0 || v.firstBad || v.cause) return undefined;
  if ([...v.preflight, ...v.observations].some(({ state }) => state === 'different')) return undefined;
  return `nothing is wrong, but ${nodesRound(v.rounded.length)}, and rounding counts (strict)`;
}

/** How many nodes of a step round. */
export function roundedIn({ rounded }: Pick<Verdict, 'rounded'>, step: number): number {
  return rounded.filter((r) => r.step === step).length;
}
