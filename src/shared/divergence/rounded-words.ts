/** What a candidate rounds, in a line for each kind of rounding: the same words on every surface. */
import { stepKey } from '../trace/steps';
import type { RoundedNode, Verdict } from './verdict';

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

/** "2 nodes round (kqv-1, kqv-7): activations in F16"; empty where nothing rounds. */
export function roundedSentences(v: Pick<Verdict, 'rounded'>, listed = 4): readonly string[] {
  return roundedLines(v).map(({ what, nodes }) => {
    const more = nodes.length > listed ? ` and ${nodes.length - listed} more` : '';
    const verb = nodes.length === 1 ? '1 node rounds' : `${nodes.length} nodes round`;
    return `${verb} (${nodes.slice(0, listed).join(', ')}${more}): ${what}`;
  });
}
