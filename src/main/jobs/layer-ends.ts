import type { TensorMetrics } from '../../shared/compare/comparison';
import { layerAfter } from '../../shared/graph/graph';
import { splitStepKey, stepKey } from '../../shared/trace/steps';
import type { CompareReport } from './compare-traces';

/** The last node of a layer in two runs, the right one and the planted one, both held against a third. */
export interface LayerEnd {
  /** null before the first layer and after the last. */
  readonly layer: number | null;
  /** Key of the node. */
  readonly node: string;
  /** null where the run has no such node to compare. */
  readonly right: TensorMetrics | null;
  readonly planted: TensorMetrics | null;
}

/** What goes into the layers of one step, each layer's end, and what comes out, in order. */
export function layerEnds(right: CompareReport, planted: CompareReport, step: number): readonly LayerEnd[] {
  const ends: LayerEnd[] = [];
  let current: number | undefined;
  const plantedAt = new Map(planted.nodes.map(({ key, metrics }) => [key, metrics]));
  for (const { key, metrics } of right.nodes) {
    const at = splitStepKey(key);
    if (at.step !== step) continue;
    const layer = layerAfter(at.key.replace(/#\d+$/, ''), current);
    const end = {
      layer: layer ?? null,
      node: stepKey(step, at.key),
      right: metrics,
      planted: plantedAt.get(key) ?? null,
    };
    if (layer === current) ends.pop();
    ends.push(end);
    current = layer;
  }
  return ends;
}
