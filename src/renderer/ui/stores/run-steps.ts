import type { RunSummary } from '../../../shared/compare/comparison';
import type { Verdict } from '../../../shared/divergence/verdict';

type Nodes = Pick<RunSummary, 'nodes'>;

/** The node selected once another step is shown: the same one, else the first of its layer, else the first. */
export function keyInStep(from: Nodes | undefined, to: Nodes, key: string | undefined): string | undefined {
  if (to.nodes.some((node) => node.key === key)) return key;
  const layer = from?.nodes.find((node) => node.key === key)?.layer;
  const sameLayer = layer === undefined ? undefined : to.nodes.find((node) => node.layer === layer);
  return (sameLayer ?? to.nodes[0])?.key;
}

/** Whether a run has the verdict's candidate at a step, on the same tokens up to there. */
export function holdsStep(
  run: readonly RunSummary[],
  { candidate, steps }: Pick<Verdict, 'candidate' | 'steps'>,
  step: number,
): boolean {
  const lane = run[step]?.lanes.find((l) => l.label === candidate);
  const past = steps.filter((s) => s.step <= step);
  return lane?.error === undefined && lane !== undefined && past.every((s) => sameTokens(run[s.step], s));
}

function sameTokens(a: Pick<RunSummary, 'tokens'> | undefined, b: Pick<RunSummary, 'tokens'>): boolean {
  return a?.tokens.join() === b.tokens.join();
}
