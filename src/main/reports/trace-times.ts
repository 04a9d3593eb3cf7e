import { stepView } from '../../shared/trace/steps';
import type { TraceFile } from '../traces/trace-file';
import type { TimedLane } from './lane-times';
import { LaneTimes } from './lane-times';

/** The times that a trace keeps, of its prompt and its decode steps; none where it holds no graph. */
export function timesOfTrace(trace: TraceFile): readonly TimedLane[] {
  const times = new LaneTimes();
  for (let step = 0; step <= trace.stepTokens.length; step++) {
    const view = stepView(trace, step, trace.stepTokens[step - 1]);
    const graph = view.manifest?.graph;
    if (graph) times.add(trace.engine, step, graph, view.manifest.timings);
  }
  return times.lanes;
}
