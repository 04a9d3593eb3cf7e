import { noTokenText } from '../../shared/divergence/answer-words';
import { onlyRoundedText, roundingWords } from '../../shared/divergence/rounded-words';
import type { BadNode, Verdict, VerdictKind } from '../../shared/divergence/verdict';
import type { SuiteCase } from './suite-cases';
import type { SuiteExpectation } from './suite-file';

/** What one case showed. */
export interface SuiteResult {
  readonly name: string;
  readonly model: string;
  readonly prompt: string;
  readonly candidate: string;
  readonly reference: string;
  readonly seconds: number;
  /** Null where it could not be compared. */
  readonly verdict: VerdictKind | null;
  readonly firstBad: Pick<BadNode, 'step' | 'layer' | 'node' | 'op' | 'tensor' | 'localNmse' | 'noiseFloor'> | null;
  readonly cause: { readonly id: string; readonly title: string; readonly explained: number } | null;
  readonly logits: Pick<Verdict['logits'], 'reference' | 'candidate' | 'kld'> | null;
  /** How many nodes only round, which is no difference unless the case is strict; null where it could not be compared. */
  readonly rounded: number | null;
  /** The candidate's precision and what it rounds, a line each. */
  readonly rounding: readonly string[];
  readonly expected: SuiteExpectation;
  /** How it differs from what was expected, a line each. */
  readonly differences: readonly string[];
  /** Why it could not be compared; null where it could. */
  readonly error: string | null;
}

/** `suite --json`. */
export interface SuiteReport {
  readonly schema: 'quarrel.suite-report/1';
  readonly suite: string;
  readonly file: string;
  readonly cases: readonly SuiteResult[];
  /** As expected; differing; not comparable. */
  readonly passed: number;
  readonly failed: number;
  readonly errors: number;
  /** Cases that were still to come when the suite was cancelled. */
  readonly notRun: number;
}

/** A finished case against its expectation. */
export function resultOf(c: SuiteCase, verdict: Verdict, seconds: number): SuiteResult {
  const { firstBad, cause, logits } = verdict;
  const { step, layer, node, op, tensor, localNmse, noiseFloor } = firstBad ?? {};
  return {
    ...headOf(c, seconds),
    verdict: verdict.verdict,
    firstBad: firstBad ? ({ step, layer, node, op, tensor, localNmse, noiseFloor } as SuiteResult['firstBad']) : null,
    cause: cause ? { id: cause.id, title: cause.title, explained: cause.explained } : null,
    rounded: verdict.rounded.length,
    rounding: roundingLines(verdict),
    logits: { reference: logits.reference, candidate: logits.candidate, kld: logits.kld },
    differences: verdict.verdict === 'incomparable' ? [] : differences(c.expect, verdict),
    error: verdict.verdict === 'incomparable' ? (verdict.reason ?? 'nothing could be compared') : null,
  };
}

function roundingLines(verdict: Verdict): readonly string[] {
  const { precision, sentences } = roundingWords(verdict);
  return [...(precision === undefined ? [] : [precision]), ...sentences];
}

/** A case that ended with an error. */
export function failureOf(c: SuiteCase, error: string, seconds: number): SuiteResult {
  const nothing = { verdict: null, firstBad: null, cause: null, logits: null, rounded: null, rounding: [] };
  return { ...headOf(c, seconds), ...nothing, differences: [], error };
}

export function suiteReport(suite: string, file: string, cases: readonly SuiteResult[], notRun: number): SuiteReport {
  const errors = cases.filter((c) => c.error !== null).length;
  const failed = cases.filter((c) => c.error === null && c.differences.length > 0).length;
  return {
    schema: 'quarrel.suite-report/1',
    suite,
    file,
    cases,
    passed: cases.length - errors - failed,
    failed,
    errors,
    notRun,
  };
}

function headOf(
  c: SuiteCase,
  seconds: number,
): Pick<SuiteResult, 'name' | 'model' | 'prompt' | 'candidate' | 'reference' | 'seconds' | 'expected'> {
  const { name, model, prompt, candidate, reference, expect } = c;
  return { name, model, prompt: prompt.name, candidate: candidate.name, reference, seconds, expected: expect };
}

/** How a verdict differs from what was expected of it. */
export function differences(expected: SuiteExpectation, verdict: Verdict): readonly string[] {
  const kind = expected.verdict ?? 'clean';
  const found = verdict.firstBad;
  if (kind === 'clean' && verdict.verdict === 'diverged') {
    const beside =
      verdict.cause?.title ??
      verdict.preflight.find((rung) => rung.state === 'different')?.text ??
      onlyRoundedText(verdict);
    const where = found ? ` at ${found.node}: ${found.why}` : beside === undefined ? '' : `: ${beside}`;
    return [`diverged${where}; clean expected`, ...tokens(expected, verdict)];
  }
  if (kind === 'diverged' && verdict.verdict === 'clean')
    return ['clean; diverged expected', ...tokens(expected, verdict)];
  return [
    ...mismatch('first bad node', found?.node ?? 'none', expected.node),
    ...mismatch(
      'its step',
      found ? String(found.step) : 'none',
      expected.step === undefined ? undefined : [String(expected.step)],
    ),
    ...mismatch('cause', verdict.cause?.id ?? 'none', expected.cause),
    ...tokens(expected, verdict),
  ];
}

function mismatch(what: string, found: string, expected: readonly string[] | undefined): readonly string[] {
  if (!expected || expected.includes(found)) return [];
  return [`${what} is ${found}; ${expected.join(' or ')} expected`];
}

/** The next token: of the reference always, of the candidate where it is expected to be right. */
function tokens({ verdict = 'clean', token, minLogit }: SuiteExpectation, v: Verdict): readonly string[] {
  const met = v.expectation;
  if (!met) return [];
  const what = [
    ...(token === undefined ? [] : [JSON.stringify(token)]),
    ...(minLogit === undefined ? [] : [`logit ≥ ${minLogit}`]),
  ];
  const lanes = [
    ['reference', met.reference] as const,
    ...(verdict === 'clean' ? [['candidate', met.candidate] as const] : []),
  ];
  return lanes.flatMap(([lane, ok]) => {
    const best = v.logits[lane];
    if (ok === true) return [];
    const said = best
      ? `${best.text === undefined ? `#${best.token}` : JSON.stringify(best.text)} with logit ${best.logit.toFixed(3)}`
      : noTokenText(v.logits, lane);
    return [`next token: the ${lane} says ${said}; ${what.join(', ')} expected`];
  });
}
