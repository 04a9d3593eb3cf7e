/** What a report says, before it is set as Markdown or HTML. */
import { error, number } from '../cli/text/table';
import {
  bugOfNode,
  bugText,
  effectText,
  independenceText,
  kldText,
  nameOfBad,
  rankedByEffect,
  tokenText,
} from '../../shared/divergence/effect-text';
import { noTokenText, someNotNumbers } from '../../shared/divergence/answer-words';
import { coverageText } from '../../shared/divergence/coverage-words';
import { nodesRound, onlyRoundedText } from '../../shared/divergence/rounded-words';
import { choiceNotes } from '../../shared/divergence/run-choices';
import type { Verdict } from '../../shared/divergence/verdict';
import { causeSection } from './cause-section';
import { checkSections } from './check-sections';
import { facts, laneName, listed, paragraph, percent, section, tableOf } from './report-parts';
import type { Block, Report, Section } from './report-parts';
import { roundedSection } from './rounded-section';
import { weightSection } from './weight-section';

export function reportModel(v: Verdict): Report {
  return {
    title: titleOf(v),
    state: v.verdict,
    sections: [
      section('In short', [listed(story(v))]),
      ...firstBad(v),
      ...causeSection(v),
      ...weightSection(v),
      ...plots(v),
      ...roundedSection(v),
      ...otherBad(v),
      ...effects(v),
      ...nextTokens(v),
      ...checkSections(v),
      section('The run', [
        facts([
          ['model', v.model],
          ['reference', v.reference],
          ['candidate', v.candidate],
          ['tokens', v.tokens.join(',')],
          ...(v.precision === null ? [] : [['precision of the candidate', v.precision.text] as const]),
          ...choiceNotes(v.options).map((note) => ['asked for', note] as const),
          ...(v.runs === null ? [] : [['runs of the foreign program', String(v.runs)] as const]),
        ]),
      ]),
    ],
  };
}

function titleOf(v: Verdict): string {
  if (v.verdict === 'diverged' && v.firstBad) return `${nameOfBad(v.firstBad)} is wrong in ${laneName(v.candidate)}`;
  switch (v.verdict) {
    case 'clean':
      return `${laneName(v.candidate)} is clean${v.rounded.length === 0 ? '' : `; ${nodesRound(v.rounded.length)}`}`;
    case 'diverged':
      return `${laneName(v.candidate)} ${onlyRoundedText(v) === undefined ? 'differs' : 'rounds'}`;
    case 'incomparable':
      return `${laneName(v.candidate)} cannot be compared`;
  }
}

/** What ran, what was checked, what is wrong, why, and what comes of it. */
function story(v: Verdict): string[] {
  const decoded = v.steps.length - 1;
  const steps = decoded > 0 ? ` and ${decoded} decode step${decoded === 1 ? '' : 's'}` : '';
  return [
    `${laneName(v.candidate)} against ${laneName(v.reference)}: ${v.tokens.length} tokens${steps}.`,
    `${coverageText(v.coverage)}, each judged on its own inputs against the spread between correct ways to compute it` +
      (v.unplaced.length === 0 ? '.' : `; ${v.unplaced.length} names of the dump stand for none of them.`),
    wrongLine(v),
    ...(v.firstBad ? [whyLine(v)] : []),
    ...effectLine(v),
  ];
}

function wrongLine(v: Verdict): string {
  const b = v.firstBad;
  if (v.verdict === 'incomparable') return `Neither right nor wrong can be told: ${v.reason ?? 'no reason is known'}.`;
  if (!b && v.verdict === 'diverged') {
    const only = onlyRoundedText(v);
    return only === undefined
      ? 'Every measured node is right, but what was checked beside the nodes differs.'
      : sentence(only);
  }
  if (!b && v.rounded.length > 0) return `No measured node is wrong; ${nodesRound(v.rounded.length)}.`;
  if (!b) return 'Every measured node is within its noise floor.';
  const where = b.layer === null ? 'outside the layers' : `in layer ${b.layer}`;
  const weight = b.tensor === null ? '' : `, which reads ${b.tensor}`;
  return `First wrong: ${nameOfBad(b)} (${b.op}${weight}) ${where}: ${error(b.localNmse)} NMSE where ${error(b.noiseFloor)} is noise.`;
}

function whyLine(v: Verdict): string {
  if (!v.cause) return 'Why: unexplained; no known mistake reproduces these numbers.';
  return `Why: ${v.cause.title}. Replaying it reproduces ${percent(v.cause.explained)} of the error.`;
}

function effectLine(v: Verdict): string[] {
  const { reference, candidate, sameTop } = v.logits;
  const { notNumbers } = v.logits;
  const said = notNumbers.candidate
    ? [`${notNumbers.candidate} of the candidate's ${notNumbers.of} logits are NaN or infinite.`]
    : sameTop === true
      ? [`Both say ${named(reference)} next.`]
      : reference && candidate
        ? [`Next token: ${named(reference)} is right, ${named(candidate)} is what the candidate says.`]
        : [];
  const b = v.firstBad;
  const [bug, together] = [bugLine(v), independenceText(v)];
  return [
    ...said,
    ...(bug === undefined ? [] : [sentence(bug)]),
    ...(b?.effect ? [`${nameOfBad(b)} alone ${effectText(b.effect)}.`] : []),
    ...(together === undefined ? [] : [sentence(together)]),
  ];
}

function bugLine(v: Verdict): string | undefined {
  const bug = v.firstBad && bugOfNode(v, v.firstBad);
  return bug ? bugText(bug) : undefined;
}

function named(token: Verdict['logits']['reference']): string {
  return token ? tokenText(token) : 'not measured';
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function firstBad(v: Verdict): Section[] {
  const { firstBad: b } = v;
  if (!b) return [];
  const { index, candidate, reference } = b.worst;
  return [
    section('The first bad node', [
      facts([
        ['node', nameOfBad(b)],
        ['layer', b.layer === null ? 'outside layers' : String(b.layer)],
        ['op', b.op],
        ['tensor', b.tensor ?? 'none: this op reads no weight'],
        ['local error', `${error(b.localNmse)} NMSE`],
        ['noise floor', error(b.noiseFloor)],
        ['worst element', `[${index.join(', ')}]: ${number(candidate)} where ${number(reference)} is right`],
        ...(b.block
          ? [['block', `${b.block.type} block ${b.block.index}, row ${b.block.row} of ${b.block.tensor}`] as const]
          : []),
        ...(b.stretch.length > 0 ? [['stretch not dumped', b.stretch.join(', ')] as const] : []),
        ...(b.writes.length > 0 ? [['cache writes it reads', b.writes.join(', ')] as const] : []),
        ['test it failed', b.why],
        ...(bugLine(v) === undefined ? [] : [['effect', bugLine(v) ?? ''] as const]),
        ...(b.effect ? [['this node alone', effectText(b.effect)] as const] : []),
      ]),
    ]),
  ];
}

function plots({ profile, firstBad: b }: Verdict): Section[] {
  const blocks: Block[] = [];
  if (profile.length > 0) blocks.push({ kind: 'node-plot', profile });
  if (profile.some((p) => p.layer !== null)) blocks.push({ kind: 'layer-plot', profile });
  if (b?.shape) blocks.push({ kind: 'heat-plot', heat: b.shape.heat, node: b.node });
  return blocks.length > 0 ? [section('The evidence', blocks)] : [];
}

function otherBad({ allBad }: Verdict): Section[] {
  if (allBad.length < 2) return [];
  const rows = allBad.map((b) => [
    nameOfBad(b),
    b.op,
    b.layer === null ? '' : String(b.layer),
    error(b.localNmse),
    error(b.noiseFloor),
    b.cause?.title ?? '',
  ]);
  return [
    section(`All ${allBad.length} bad nodes`, [
      paragraph('Each is wrong on its own inputs: none merely inherits an error.'),
      tableOf(['node', 'op', 'layer', 'local NMSE', 'noise floor', 'cause'], rows, [2, 3, 4]),
    ]),
  ];
}

/** Nothing for a single one: the first bad node's own facts say it. */
function effects({ allBad }: Verdict): Section[] {
  const ranked = rankedByEffect(allBad);
  if (ranked.length < 2) return [];
  const rows = ranked.map((b) => [
    nameOfBad(b),
    kldText(b.effect.kld),
    tokenText(b.effect.right),
    b.effect.token ? tokenText(b.effect.token) : 'NaN',
    b.effect.sameTop ? 'same' : 'differs',
  ]);
  return [
    section('What each node does to the answer', [
      paragraph('The error of each alone, put into a right run and followed to the answer; the largest effect first.'),
      tableOf(['node', 'KLD', 'right', 'with its error', ''], rows, [1]),
    ]),
  ];
}

function nextTokens(v: Verdict): Section[] {
  const token = (logits: Verdict['logits'], lane: 'reference' | 'candidate'): string => {
    const t = logits[lane];
    if (!t) return noTokenText(logits, lane);
    const name = t.text === undefined ? `#${t.token}` : JSON.stringify(t.text);
    return `${name} ${t.logit.toFixed(3)}${someNotNumbers(logits, lane)}`;
  };
  const rows = v.steps.map((s) => [
    s.step === 0 ? 'prompt' : `step ${s.step}`,
    token(s.logits, 'reference'),
    token(s.logits, 'candidate'),
    s.logits.kld === null ? '' : error(s.logits.kld),
    s.logits.sameTop === null ? '' : s.logits.sameTop ? 'same' : 'differs',
  ]);
  return v.steps.some((s) => s.logits.reference)
    ? [section('Next token', [tableOf(['', laneName(v.reference), laneName(v.candidate), 'KLD', ''], rows, [3])])]
    : [];
}
