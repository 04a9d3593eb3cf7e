import type { BadNode, StepVerdict, Verdict, VerdictKind } from '../../../shared/divergence/verdict';
import { ofThemRound, onlyRoundedText } from '../../../shared/divergence/rounded-words';
import { coverageText } from '../../../shared/divergence/coverage-words';
import { formatToken } from '../format/numbers';
import type { IconName } from '../components/icons';

/** How each kind of verdict looks: an icon and a word each, so that colour is never alone. */
export const VERDICT_LOOK: Readonly<Record<VerdictKind, { readonly icon: IconName; readonly word: string }>> = {
  clean: { icon: 'check', word: 'Clean' },
  diverged: { icon: 'split', word: 'Diverged' },
  incomparable: { icon: 'question', word: 'Incomparable' },
};

/** "Layer 3", or where the node lies when it is in none. */
export function layerText(bad: Pick<BadNode, 'layer'>): string {
  return bad.layer === null ? 'outside layers' : `layer ${bad.layer}`;
}

/** "prompt" or "decode step 2". */
export function stepText(step: number): string {
  return step === 0 ? 'prompt' : `decode step ${step}`;
}

/** Where a bad node lies; the step only where there are several. */
function placeText(bad: BadNode, steps: number): string {
  return [...(steps > 1 ? [stepText(bad.step)] : []), layerText(bad), bad.node].join(', ');
}

/** "1 node", "5 nodes". */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** "5 tokens and 3 decode steps". */
export function inputText({ tokens, steps }: Pick<Verdict, 'tokens' | 'steps'>): string {
  const decoded = steps.length > 1 ? ` and ${count(steps.length - 1, 'decode step')}` : '';
  return count(tokens.length, 'token') + decoded;
}

/** A bug of its own kind: every node of the prompt's graph is right, a step on the KV cache is not. */
export function onlyDecodeIsWrong({ firstBad, steps }: Pick<Verdict, 'firstBad' | 'steps'>): boolean {
  return firstBad !== null && firstBad.step > 0 && steps.find((s) => s.step === 0)?.verdict === 'clean';
}

/** The tokens of a step: a decode step's has the text that the reference gave it when it chose it. */
export function stepTokens(steps: readonly StepVerdict[], step: StepVerdict): string {
  if (step.step === 0) return `${step.tokens.length} ${step.tokens.length === 1 ? 'token' : 'tokens'}`;
  const chosen = steps.find((s) => s.step === step.step - 1)?.logits.reference;
  return step.tokens.map((t) => formatToken(chosen?.token === t ? chosen.text : undefined, t)).join(' ');
}

/** The verdict in one sentence. */
export function headline(verdict: Verdict): string {
  const { firstBad, steps } = verdict;
  switch (verdict.verdict) {
    case 'clean':
      return (
        (verdict.notMeasured.length === 0
          ? `All ${verdict.compared} nodes compute what correct engines compute`
          : `${coverageText(verdict.coverage)}: all compute what correct engines compute`) + ofThemRound(verdict)
      );
    case 'diverged':
      return firstBad ? `First bad: ${placeText(firstBad, steps.length)}` : withoutBadNode(verdict);
    case 'incomparable':
      return verdict.reason ?? 'The lanes could not be compared';
  }
}

/** What differs where every node is right: what the candidate was given, or how it runs. */
function withoutBadNode(verdict: Verdict): string {
  const { cause, preflight, observations } = verdict;
  const beside = cause?.title ?? [...preflight, ...observations].find((c) => c.state === 'different')?.text;
  const found = beside ?? onlyRoundedText(verdict);
  return found === undefined ? 'The results differ' : found.charAt(0).toUpperCase() + found.slice(1);
}
