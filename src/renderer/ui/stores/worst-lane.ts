import type { RunSummary } from '../../../shared/compare/comparison';

/** Index of the lane whose largest error against lane 0 is largest (non-finite first); undefined without candidates. */
export function worstLane(run: Pick<RunSummary, 'lanes' | 'nodes'>): number | undefined {
  let worst: number | undefined;
  let worstError = -1;
  for (let lane = 1; lane < run.lanes.length; lane++) {
    let largest = 0;
    for (const node of run.nodes) {
      const checkpoint = node.lanes[lane];
      if (checkpoint?.status !== 'measured' || !checkpoint.metrics) continue;
      largest = Math.max(largest, checkpoint.metrics.nonFinite ? Infinity : checkpoint.metrics.nmse);
    }
    if (largest > worstError) {
      worst = lane;
      worstError = largest;
    }
  }
  return worst;
}
