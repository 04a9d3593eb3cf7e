/** What a node's error looks like, whatever its cause. */
import type { Alternative, ErrorShape } from '../divergence/cause';
import { heatMap } from './heat-map';
import type { Replay } from './replay';

/** An element counts as wrong from this many standard deviations of the noise. */
const DEVIATIONS = 4;

export function errorShape(replay: Replay, noiseFloor: number, nearMisses: readonly Alternative[]): ErrorShape {
  const right = replay.right('exact');
  const { wrong, mask, end } = replay;
  const isCompared = (i: number): boolean => mask === undefined || mask[i] === 1;
  let compared = 0;
  let energy = 0;
  for (let i = 0; i < right.length; i++) {
    if (!isCompared(i)) continue;
    compared++;
    if (Number.isFinite(right[i])) energy += right[i]! ** 2;
  }
  const limit = DEVIATIONS * Math.sqrt((noiseFloor * energy) / Math.max(compared, 1));
  let off = 0;
  for (let i = 0; i < right.length; i++) {
    const same = wrong[i] === right[i] || !(Math.abs(wrong[i]! - right[i]!) > limit);
    if (isCompared(i) && !(same && Number.isFinite(wrong[i]) === Number.isFinite(right[i]))) off++;
  }
  return {
    wrongShare: compared === 0 ? 0 : off / compared,
    heat: heatMap(right, wrong, end.ne, mask),
    findings: [],
    nearMisses,
  };
}
