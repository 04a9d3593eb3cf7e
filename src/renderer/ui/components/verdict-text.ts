import type { BadNode, Verdict, VerdictKind } from '../../../shared/divergence/verdict';
import type { IconName } from './icons';

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

/** The verdict in one sentence. */
export function headline(verdict: Verdict): string {
  const { firstBad } = verdict;
  switch (verdict.verdict) {
    case 'clean':
      return verdict.notMeasured.length === 0
        ? `All ${verdict.compared} nodes compute what correct engines compute`
        : `All ${verdict.compared} nodes that were measured compute what correct engines compute`;
    case 'diverged':
      return firstBad ? `First bad: ${layerText(firstBad)}, ${firstBad.node}` : 'The results differ';
    case 'incomparable':
      return verdict.reason ?? 'The lanes could not be compared';
  }
}
