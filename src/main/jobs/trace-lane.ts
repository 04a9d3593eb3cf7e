import type { JobControl } from '../../shared/base/progress';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import type { PromptSpec } from '../../shared/ipc/jobs';
import type { TraceFile } from '../traces/trace-file';
import { captureLane, openCapture } from './capture-session';
import { owning } from './owned';
import type { Engines } from './produce-trace';
import { openOwnLane, runOwnLane } from './produce-trace';
import { RunFolder } from './run-folder';

export interface TraceLaneRequest {
  readonly modelPath: string;
  readonly prompt: PromptSpec;
  readonly lane: Exclude<LaneSpec, { kind: 'trace' }>;
  readonly out: string;
  readonly layers?: { readonly from: number; readonly to: number };
  readonly threads?: number;
}

/** Runs one lane freely and leaves its trace at `out`. The caller disposes the opened trace. */
export async function traceLane(request: TraceLaneRequest, engines: Engines, control: JobControl): Promise<TraceFile> {
  const { lane, out, ...what } = request;
  if (lane.kind === 'llama') return captureLane({ ...what, lane, out, control });
  return owning(async (owned) => {
    const folder = owned.add(new RunFolder());
    const captureWith = { kind: 'llama', device: 'cpu' } as const;
    const session = owned.add(await openCapture({ ...what, lane: captureWith, folder, control }));
    const own = owned.add(await openOwnLane(lane, engines));
    return runOwnLane(own, session, { kind: 'free' }, out, control);
  });
}
