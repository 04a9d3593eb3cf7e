import { layerOf } from '../graph/graph';
import type { StepResult } from './assemble-verdict';
import type { ProfileEntry } from './verdict';

/** The errors of a step's judged nodes, in graph order. */
export function profileOf({ index, examination, inherited }: StepResult): readonly ProfileEntry[] {
  return examination.judged.map(({ node, judgement }) => ({
    step: index,
    node: node.key,
    op: node.kind,
    layer: layerOf(node.name) ?? null,
    local: finiteOrNull(judgement.localNmse),
    floor: judgement.noiseFloor,
    inherited: finiteOrNull(inherited.get(node.key)),
    bad: judgement.bad,
    rounded: judgement.rounding !== undefined,
  }));
}

function finiteOrNull(x: number | undefined): number | null {
  return x !== undefined && Number.isFinite(x) ? x : null;
}
