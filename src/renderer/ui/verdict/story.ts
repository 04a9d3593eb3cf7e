import type { Cause } from '../../../shared/divergence/cause';
import type { Rung } from '../../../shared/divergence/checks';
import { onlyRoundedText, roundingWords } from '../../../shared/divergence/rounded-words';
import { bugOfNode, bugText, effectText } from '../../../shared/divergence/effect-text';
import type { BadNode, Expectation, Verdict } from '../../../shared/divergence/verdict';
import { splitStepKey } from '../../../shared/trace/steps';
import { formatFactor, formatShare, formatToken } from '../format/numbers';
import { baseName, laneName } from '../format/paths';
import { parameterText } from './parameter-rows';
import { count, inputText, layerText, onlyDecodeIsWrong, stepText } from './verdict-text';

/** A piece of a line: words, or the name of a node, tensor, lane or token, which is set apart. */
export type StoryPart = string | { readonly name: string };

/** One of the lines that tell a verdict from beginning to end. */
export interface StoryLine {
  readonly id: 'ran' | 'checked' | 'wrong' | 'why' | 'rounding' | 'effect';
  readonly label: string;
  readonly text: readonly StoryPart[];
  readonly tone: 'plain' | 'good' | 'bad' | 'doubt' | 'rounded';
}

/** What ran, what was checked before, where it goes wrong first, why, what only rounds, what it does to the answer. */
export function storyOf(verdict: Verdict): readonly StoryLine[] {
  return [
    ran(verdict),
    checked(verdict.preflight),
    wrong(verdict),
    why(verdict),
    ...rounding(verdict),
    effect(verdict),
  ];
}

/** A line without its marks. */
export function plainText(text: readonly StoryPart[]): string {
  return text.map((part) => (typeof part === 'string' ? part : part.name)).join('');
}

const name = (text: string): StoryPart => ({ name: text });

/** A sentence with names in it. */
function say(words: readonly string[], ...between: (StoryPart | readonly StoryPart[])[]): StoryPart[] {
  const parts = words.flatMap((word, i) => {
    const next = between[i] ?? '';
    return [word, ...(Array.isArray(next) ? (next as readonly StoryPart[]) : [next as StoryPart])];
  });
  return parts.filter((part) => part !== '');
}

function ran(v: Verdict): StoryLine {
  const runs = v.runs === null ? '' : `, ${count(v.runs, 'run')} of the program`;
  const text = say`${name(laneName(v.candidate))} against ${name(laneName(v.reference))} on ${inputText(v)} of ${name(baseName(v.model))}: ${String(v.compared)} of ${count(v.coverage.nodes, 'node')} judged${runs}.`;
  return { id: 'ran', label: 'What ran', text, tone: 'plain' };
}

/** The ladder in one line: what differs in full, the rest by its titles. */
function checked(rungs: readonly Rung[]): StoryLine {
  const titles = (state: Rung['state']): string =>
    rungs
      .filter((r) => r.state === state)
      .map((r) => r.title.toLowerCase())
      .join(', ');
  const different = rungs.filter((r) => r.state === 'different' || r.state === 'unusable');
  const [equal, open] = [titles('equal'), titles('not-measured')];
  const sentences = [
    ...different.map((r) => `${r.title}: ${sentence(r.text)}`),
    ...(equal === '' ? [] : [`Equal: ${equal}.`]),
    ...(open === '' ? [] : [`Not measured: ${open}.`]),
  ];
  const tone = different.length > 0 ? 'bad' : equal === '' ? 'plain' : 'good';
  const text = sentences.length > 0 ? sentences.join(' ') : 'Nothing was checked before the layers.';
  return { id: 'checked', label: 'Checked first', text: [text], tone };
}

function wrong(v: Verdict): StoryLine {
  const line = { id: 'wrong', label: 'First wrong' } as const;
  switch (v.verdict) {
    case 'incomparable':
      return { ...line, text: [v.reason ?? 'The lanes could not be compared.'], tone: 'doubt' };
    case 'clean':
      return { ...line, text: nowhere(v), tone: 'good' };
    case 'diverged':
      return v.firstBad
        ? { ...line, text: firstPlace(v, v.firstBad), tone: 'bad' }
        : { ...line, text: [noNode(v)], tone: 'plain' };
  }
}

function noNode(v: Verdict): string {
  const only = onlyRoundedText(v);
  return only === undefined
    ? 'No node: each computes what it should from what it is given.'
    : `No node: ${sentence(only)}`;
}

function nowhere({ nearest, compared }: Verdict): readonly StoryPart[] {
  if (!nearest) return [`Nowhere: all ${count(compared, 'node')} stay below their limits.`];
  const { step, key } = splitStepKey(nearest.node);
  const when = step === 0 ? '' : ` in ${stepText(step)}`;
  return say`Nowhere: the node nearest to its limit, ${name(key)}${when}, is off by ${formatFactor(nearest.ratio)} its noise floor.`;
}

function firstPlace(v: Verdict, bad: BadNode): readonly StoryPart[] {
  const place = [...(v.steps.length > 1 ? [stepText(bad.step)] : []), layerText(bad)].join(', ');
  const before = onlyDecodeIsWrong(v) ? ' The prompt is right.' : '';
  const reads = bad.tensor === null ? [] : say`, which reads ${name(bad.tensor)}`;
  const stretch =
    bad.stretch.length === 0
      ? ''
      : ` (or one of the ${count(bad.stretch.length, 'node')} before it that the dump lacks)`;
  const size = `${sentence(bad.why)}${before}`;
  return say`${sentenceStart(place)}, ${name(bad.node)} (${bad.op})${reads}${stretch}: ${size}`;
}

function why(v: Verdict): StoryLine {
  const line = { id: 'why', label: 'Why' } as const;
  if (v.cause) return { ...line, text: provedBy(v.cause), tone: 'bad' };
  if (v.firstBad) return { ...line, text: unexplained(v.firstBad), tone: 'doubt' };
  if (v.verdict === 'clean') return { ...line, text: ['Nothing to explain.'], tone: 'good' };
  if (onlyRoundedText(v) !== undefined) {
    return { ...line, text: ['Rounding is no mistake, but strict was asked for.'], tone: 'plain' };
  }
  const seen = v.observations.find((o) => o.state === 'different');
  return { ...line, text: [seen ? sentence(seen.text) : 'Not known.'], tone: 'doubt' };
}

function provedBy(cause: Cause): readonly StoryPart[] {
  const parameters = parameterText(cause.parameters);
  const title = `${sentenceStart(cause.title)}${parameters === '' ? '' : ` (${parameters})`}`;
  if (cause.nodes.length === 0) return [`${title}, found before the layers.`];
  return [`${title}: replayed, it reproduces ${formatShare(cause.explained)} of the error.`];
}

function unexplained({ shape, tried, untried }: BadNode): readonly StoryPart[] {
  if (!shape) return ['Not known: the budget was spent before it could be looked at more closely.'];
  const search =
    tried === 0
      ? 'no known way to go wrong applies here.'
      : `none of the ${count(tried, 'way')} to go wrong that were replayed reproduces it.`;
  const left = untried === 0 ? '' : ` The budget was spent before ${untried} more.`;
  const finding = shape.findings[0];
  const looks = `${formatShare(shape.wrongShare)} of the elements are off${finding ? `: ${sentence(finding.text)}` : '.'}`;
  return [`Unexplained: ${search}${left} ${looks}`];
}

/** A line of its own only where something rounds. */
function rounding(v: Verdict): readonly StoryLine[] {
  if (v.rounded.length === 0) return [];
  const { precision, sentences } = roundingWords(v, 3);
  const said = [...sentences, ...(precision === undefined ? [] : [`the candidate ${precision}`])];
  const text = said.map((s) => sentenceStart(sentence(s))).join(' ');
  return [{ id: 'rounding', label: 'Rounding', text: [text], tone: 'rounded' }];
}

function effect(v: Verdict): StoryLine {
  const line = { id: 'effect', label: 'The answer' } as const;
  const { reference, candidate, sameTop } = v.logits;
  const after = [...ofBug(v), ...alone(v.firstBad), v.expectation ? ` ${expectationText(v.expectation)}` : ''];
  if (v.logits.notNumbers.candidate) {
    const said = `${v.logits.notNumbers.candidate} of the candidate's ${v.logits.notNumbers.of} logits are NaN or infinite.`;
    return { ...line, text: [said, ...after], tone: 'bad' };
  }
  if (!reference || !candidate) {
    const missing = reference ? laneName(v.candidate) : laneName(v.reference);
    return { ...line, text: say`Not measured: ${name(missing)} gives no logits.${after}`, tone: 'plain' };
  }
  const [right, got] = [reference, candidate].map((t) => name(formatToken(t.text, t.token))) as [StoryPart, StoryPart];
  const logits = `logit ${candidate.logit.toFixed(2)} for ${reference.logit.toFixed(2)}`;
  const text =
    sameTop === true
      ? say`The next token stays ${right} (${logits}).${after}`
      : say`The next token is ${got} instead of ${right} (${logits}).${v.verdict === 'clean' ? ' Rounding decides: every node is right.' : ''}${after}`;
  return { ...line, text, tone: sameTop === true ? 'good' : v.verdict === 'clean' ? 'doubt' : 'bad' };
}

/** What the first wrong node does with those of the same bug. */
function ofBug(v: Verdict): readonly StoryPart[] {
  const bug = v.firstBad && bugOfNode(v, v.firstBad);
  const text = bug ? bugText(bug) : undefined;
  return text === undefined ? [] : [` ${sentenceStart(text)}.`];
}

/** What the first wrong node does without the others. */
function alone(bad: BadNode | null): readonly StoryPart[] {
  if (!bad?.effect) return [];
  const when = bad.step === 0 ? '' : ` in ${stepText(bad.step)}`;
  return say` ${name(bad.node)}${when} alone ${effectText(bad.effect)}.`;
}

function expectationText({ reference, candidate }: Expectation): string {
  const met = (yes: boolean | null): string =>
    yes === null ? 'cannot be checked on' : yes ? 'is met by' : 'is not met by';
  return `What was expected ${met(reference)} the reference and ${met(candidate)} the candidate.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function sentenceStart(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
