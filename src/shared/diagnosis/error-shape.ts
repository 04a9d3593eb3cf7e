/** What a node's error looks like, whatever its cause. */
import type { Alternative, ErrorShape } from '../divergence/cause';
import { heatMap } from './heat-map';
import type { Replay } from './replay';
import { classify } from './shape/elements';
import { shapeFindings } from './shape/findings';

export function errorShape(replay: Replay, noiseFloor: number, nearMisses: readonly Alternative[]): ErrorShape {
  const right = replay.right('exact');
  const { wrong, mask, end } = replay;
  const elements = classify(right, wrong, end.ne, noiseFloor, mask);
  return {
    wrongShare: elements.compared === 0 ? 0 : elements.off / elements.compared,
    heat: heatMap(right, wrong, end.ne, mask),
    findings: shapeFindings(elements, end.kind, replay.site(end, 'exact')),
    nearMisses,
  };
}
