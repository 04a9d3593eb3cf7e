import type { RunSummary } from '../../../shared/compare/comparison';
import { shadeOf } from '../timeline/colour-scale';
import { severity } from '../timeline/scene';
import type { TimelineGroup } from '../timeline/layout';

export interface GroupError {
  /** Index of the node with the largest error; undefined when none of the group was measured. */
  readonly node: number | undefined;
  /** Infinity where values are not finite. */
  readonly nmse: number;
  readonly notMeasured: number;
}

/** The largest error of a lane within a layer. */
export function worstOfGroup(run: RunSummary, { start, end }: TimelineGroup, lane: number): GroupError {
  let node: number | undefined;
  let nmse = -1;
  let notMeasured = 0;
  for (let i = start; i < end; i++) {
    const shade = shadeOf(run.nodes[i]?.lanes[lane]);
    if (shade.kind === 'not-measured') {
      notMeasured++;
    } else if (severity(shade) > nmse) {
      nmse = severity(shade);
      node = i;
    }
  }
  return { node, nmse, notMeasured };
}
