import { MARGIN } from '../../../shared/compare/tolerance';
import { ofThemRound, onlyRoundedText, roundedIn, roundingWords } from '../../../shared/divergence/rounded-words';
import { bugOfNode, bugText, effectText, nameOfBad } from '../../../shared/divergence/effect-text';
import { choiceNotes } from '../../../shared/divergence/run-choices';
import { noTokenText, someNotNumbers } from '../../../shared/divergence/answer-words';
import { coverageText } from '../../../shared/divergence/coverage-words';
import type { BadNode, StepVerdict, Verdict } from '../../../shared/divergence/verdict';
import { causeText, othersText, proved } from './cause-text';
import { effectsText } from './effects-text';
import { checksText, otherwiseWrong } from './checks-text';
import { error, number, table } from './table';

const LISTED = 8;

const CLEAN_YET_DIFFERENT =
  '            no bug: every measured node is right on its own inputs. What differs is rounding, summed over the layers\n' +
  '            (llama.cpp rounds activations to 8 bits); where the best logits lie close, that decides';

/** How close the reference's best two tokens are. */
function gapText(gap: number | null): string {
  return gap === null ? '' : `, the reference's first two lie ${gap.toFixed(2)} apart`;
}

/** The verdict as a person reads it in a terminal. */
export function verdictText(v: Verdict): string {
  return [
    headline(v),
    '',
    ...body(v),
    ...logits(v),
    ...steps(v),
    ...precision(v),
    ...expectation(v),
    ...checksText(v),
    ...remarks(v),
  ].join('\n');
}

function headline(v: Verdict): string {
  const more = v.steps.length - 1;
  const decoded = more > 0 ? ` and ${more} decode ${more === 1 ? 'step' : 'steps'}` : '';
  const lanes = `${v.candidate} against ${v.reference}, ${v.tokens.length} tokens${decoded}`;
  switch (v.verdict) {
    case 'clean':
      return `CLEAN  ${lanes}: ${measured(v)} ${rightOrRounded(v)}${nearest(v)}`;
    case 'incomparable':
      return `INCOMPARABLE  ${lanes}: ${v.reason ?? ''}`;
    case 'diverged':
      if (!v.firstBad) {
        return `DIVERGED  ${lanes}: ${onlyRoundedText(v) ?? `every measured node is right, but ${otherwiseWrong(v)}`}`;
      }
      return `DIVERGED  ${lanes}: first bad node ${nameOfBad(v.firstBad)}${prefillRight(v)}`;
  }
}

function rightOrRounded(v: Verdict): string {
  return v.rounded.length === 0 ? 'within their noise floor' : `right${ofThemRound(v)}`;
}

/** A bug of its own kind: the prompt's graph is right, a decode step on the cache is not. */
function prefillRight(v: Verdict): string {
  return v.firstBad && v.firstBad.step > 0 && v.steps[0]?.verdict === 'clean'
    ? '; the prompt is right, cached decode is not'
    : '';
}

function nearest(v: Verdict): string {
  return v.nearest
    ? `; nearest to its limit: ${v.nearest.node}, ${v.nearest.ratio.toPrecision(2)} of ${MARGIN.node} floors`
    : '';
}

/** "Not measured" is never passed off as right. */
function measured(v: Verdict): string {
  return v.notMeasured.length === 0 ? `all ${v.compared} nodes` : `${coverageText(v.coverage)}, all`;
}

function body(v: Verdict): string[] {
  if (!v.firstBad) return v.cause ? [...proved(v.cause), ''] : [];
  const others = v.allBad.slice(1);
  return [
    ...badNode(v.firstBad),
    ...effectLines(v, v.firstBad),
    '',
    ...causeText(v.firstBad),
    '',
    ...othersText(others),
    ...effectsText(v),
  ];
}

function badNode(b: BadNode): string[] {
  const at = `[${b.worst.index.join(', ')}]`;
  return [
    `  layer   ${b.layer ?? 'outside layers'}`,
    `  node    ${nameOfBad(b)}`,
    `  op      ${b.op}`,
    `  tensor  ${b.tensor ?? 'none: this op reads no weight'}`,
    `  error   ${error(b.localNmse)} NMSE on its own inputs; correct ways differ by ${error(b.noiseFloor)} here`,
    `  worst   ${at}: ${number(b.worst.candidate)} where ${number(b.worst.reference)} is right`,
    ...(b.block ? [`  block   ${b.block.type} block ${b.block.index} (row ${b.block.row} of ${b.block.tensor})`] : []),
    ...(b.stretch.length > 0
      ? [`  stretch the dump lacks ${b.stretch.join(', ')}: the error may lie in any of them`]
      : []),
    ...(b.writes.length > 0
      ? [`  reads   the cache, as written by ${b.writes.join(', ')}: that write may be wrong instead`]
      : []),
    `  why     ${b.why}`,
  ];
}

/** What it does to the answer, as far as that was followed: the bug that it is part of, and the node alone. */
function effectLines(v: Verdict, b: BadNode): string[] {
  const bug = bugOfNode(v, b);
  const lines = [
    ...[bug && bugText(bug)].filter((line) => line !== undefined),
    ...(b.effect ? [`this node alone ${effectText(b.effect)}`] : []),
  ];
  return lines.map((line, i) => `  ${i === 0 ? 'effect' : '      '}  ${line}`);
}

function logits(v: Verdict): string[] {
  const { reference, candidate, kld, notNumbers } = v.logits;
  if (!reference && !candidate && !notNumbers.candidate) return [];
  const same = v.logits.sameTop === false ? `  ← differs${gapText(v.logits.gap)}` : '';
  return [
    `next token  ${v.reference}: ${token(v.logits, 'reference')}   ${v.candidate}: ${token(v.logits, 'candidate')}${same}` +
      (kld === null ? '' : `   KLD ${error(kld)}`),
    ...(v.logits.sameTop === false && v.verdict === 'clean' ? [CLEAN_YET_DIFFERENT] : []),
  ];
}

/** One line per decode step: its token, and what both lanes would say next. */
function steps(v: Verdict): string[] {
  const decode = v.steps.slice(1);
  if (decode.length === 0) return [];
  const rows = decode.map((s) => [
    `step ${s.step}`,
    s.tokens.join(','),
    stepState(v, s),
    token(s.logits, 'reference'),
    token(s.logits, 'candidate'),
    s.logits.sameTop === false ? `← differs${gapText(s.logits.gap)}` : '',
  ]);
  const differs = decode.some((s) => s.logits.sameTop === false);
  const said = v.logits.sameTop === false; // of the prompt's next token, with the same remark
  return [
    '',
    table(['', 'token', 'nodes', `next, ${v.reference}`, `next, ${v.candidate}`, ''], rows, new Set([1])),
    ...(differs && !said && v.verdict === 'clean' ? [CLEAN_YET_DIFFERENT] : []),
    '',
  ];
}

function stepState(v: Verdict, { step, verdict, firstBad }: StepVerdict): string {
  const round = roundedIn(v, step);
  const state = verdict === 'diverged' && firstBad !== null ? `BAD at ${firstBad}` : verdict;
  return round === 0 ? state : `${state}, ${round} rounded`;
}

function token(logits: Verdict['logits'], lane: 'reference' | 'candidate'): string {
  const t = logits[lane];
  if (!t) return noTokenText(logits, lane);
  const name = t.text === undefined ? `#${t.token}` : JSON.stringify(t.text);
  return `${name} ${t.logit.toFixed(3)}${someNotNumbers(logits, lane)}`;
}

/** What rounds, and in what the candidate computes. */
function precision(v: Verdict): string[] {
  const { precision: text, sentences } = roundingWords(v);
  return [
    ...(text === undefined ? [] : [`precision   ${text}`]),
    ...sentences.map((sentence) => `rounded     ${sentence}`),
  ];
}

function expectation(v: Verdict): string[] {
  const e = v.expectation;
  if (!e) return [];
  const what = [
    e.expected === undefined ? '' : JSON.stringify(e.expected),
    e.minLogit === undefined ? '' : `logit ≥ ${e.minLogit}`,
  ];
  const met = (ok: boolean | null): string => (ok === null ? 'not measured' : ok ? 'met' : 'missed');
  return [
    `expected    ${what.filter(Boolean).join(', ')}: reference ${met(e.reference)}, candidate ${met(e.candidate)}`,
  ];
}

/** Names of the dump that were not compared, by reason. */
function unplacedText({ unplaced }: Verdict): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of unplaced) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  const lines = [...byReason].map(([reason, names]) => {
    const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
    return `not placed  ${names.slice(0, LISTED).join(', ')}${more}: ${reason}`;
  });
  const left = lines.length - LISTED;
  return left > 0 ? [...lines.slice(0, LISTED), `not placed  and for ${left} more reasons (--json has all)`] : lines;
}

function remarks(v: Verdict): string[] {
  const byReason = new Map<string, string[]>();
  for (const m of v.notMeasured) byReason.set(m.reason, [...(byReason.get(m.reason) ?? []), m.node]);
  return [
    ...choiceNotes(v.options).map((note) => `asked for   ${note}`),
    ...v.alignment.map((note) => `aligned     ${note}`),
    ...unplacedText(v),
    ...[...byReason].map(([reason, nodes]) => {
      const more = nodes.length > LISTED ? ` and ${nodes.length - LISTED} more` : '';
      return `not measured  ${nodes.slice(0, LISTED).join(', ')}${more}: ${reason.replace(/^not measured: /, '')}`;
    }),
  ];
}
