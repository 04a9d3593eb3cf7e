import type { Observation, Rung } from '../../../shared/divergence/checks';
import type { IconName } from '../components/icons';

/** The four rungs, always all of them: one that was not climbed is not measured. */
export function ladderOf(rungs: readonly Rung[]): readonly Rung[] {
  return (Object.keys(TITLES) as Rung['id'][]).map(
    (id) =>
      rungs.find((r) => r.id === id) ?? {
        id,
        title: TITLES[id],
        state: 'not-measured',
        text: 'Not checked.',
        details: [],
      },
  );
}

const TITLES: Readonly<Record<Rung['id'], string>> = {
  tokens: 'Tokens',
  types: 'Tensor types',
  weights: 'Weights',
  embedding: 'Embedding rows',
};

export type CheckState = Rung['state'] | Observation['state'];

/** An icon and a word each; what was not measured looks neither right nor wrong. */
export const STATE_LOOK: Readonly<
  Record<CheckState, { readonly icon: IconName; readonly word: string; readonly tone: 'good' | 'bad' | 'none' }>
> = {
  equal: { icon: 'check', word: 'equal', tone: 'good' },
  same: { icon: 'check', word: 'the same', tone: 'good' },
  different: { icon: 'split', word: 'different', tone: 'bad' },
  unusable: { icon: 'alert', word: 'unusable', tone: 'bad' },
  'not-measured': { icon: 'dash', word: 'not measured', tone: 'none' },
};
