import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { JobAnswer, JobName, JobRequest } from '../../shared/ipc/jobs';
import { inspectModel } from '../files/inspect-report';
import { openModel } from '../files/model-file';
import { findFirstBad } from './find-first-bad';
import { nodeDetail } from './node-detail';
import type { Engines } from './produce-trace';
import type { Run } from './run-lanes';
import { runLanes } from './run-lanes';

type Handlers = { [N in JobName]: (request: JobRequest<N>, control: JobControl) => Promise<JobAnswer<N>> };

/** Runs the jobs of the contract in this process and owns the runs whose traces are kept. */
export interface JobRunner {
  run<N extends JobName>(name: N, request: JobRequest<N>, control: JobControl): Promise<JobAnswer<N>>;
  dispose(): Promise<void>;
}

export function createJobRunner(engines: Engines): JobRunner {
  const runs = new Map<string, Run>();
  let nextRun = 1;

  const handlers: Handlers = {
    inspect: async ({ modelPath }) => {
      const model = openModel(modelPath);
      try {
        return inspectModel(model);
      } finally {
        model.dispose();
      }
    },
    runLanes: async (request, control) => {
      const runId = String(nextRun++);
      const run = await runLanes(runId, request, engines, control);
      runs.set(runId, run);
      return run.summary;
    },
    nodeDetail: async ({ runId, key }) => {
      const run = runs.get(runId);
      if (!run) throw new QuarrelError(`run ${runId} was closed`);
      return nodeDetail(run, key);
    },
    findFirstBad: (request, control) => findFirstBad(request, engines, control),
    closeRun: async ({ runId }) => {
      await runs.get(runId)?.dispose();
      runs.delete(runId);
      return null;
    },
  };

  return {
    run: (name, request, control) => {
      const handler = handlers[name];
      assert(handler, `unknown job ${name}`);
      return handler(request, control);
    },
    dispose: async () => {
      for (const run of runs.values()) await run.dispose();
      runs.clear();
    },
  };
}
