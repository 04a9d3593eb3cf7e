import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { JobAnswer, JobName, JobRequest } from '../../shared/ipc/jobs';
import { inspectModel } from '../files/inspect-report';
import type { ModelFile } from '../files/model-file';
import { openModel } from '../files/model-file';
import { saveWeights } from '../files/save-weights';
import type { DecodeOnDevice } from './inspect-block';
import { inspectBlock } from './inspect-block';
import { KeptVerdict } from './kept-verdict';
import { nodeDetail } from './node-detail';
import type { Engines } from './produce-trace';
import type { Run } from './run-lanes';
import { runLanes } from './run-lanes';

const CPU_LANES = {
  scalar: { kind: 'cpu', name: 'scalar', lane: 'scalar' },
  llama: { kind: 'cpu', name: 'llama', lane: 'llama' },
} as const;

type Handlers = { [N in JobName]: (request: JobRequest<N>, control: JobControl) => Promise<JobAnswer<N>> };

/** Runs the jobs of the contract in this process and owns the runs whose traces are kept. */
export interface JobRunner {
  run<N extends JobName>(name: N, request: JobRequest<N>, control: JobControl): Promise<JobAnswer<N>>;
  dispose(): Promise<void>;
}

/** Engines of all jobs: those of lanes, and what decodes single blocks. */
export interface JobEngines extends Engines {
  readonly decodeOnDevice: DecodeOnDevice;
}

export function createJobRunner(engines: JobEngines): JobRunner {
  const runs = new Map<string, Run>();
  const kept = new KeptVerdict();
  let nextRun = 1;

  const handlers: Handlers = {
    inspect: ({ modelPath }) => withModel(modelPath, async (model) => inspectModel(model)),
    inspectBlock: ({ modelPath, overlay, ...at }) =>
      withModel(modelPath, (model) => {
        const webgpu = {
          kind: 'webgpu',
          name: overlay === undefined ? 'webgpu' : `webgpu@${overlay}`,
          overlay,
        } as const;
        return inspectBlock(model, at, [CPU_LANES.scalar, webgpu, CPU_LANES.llama], engines.decodeOnDevice);
      }),
    saveWeights: ({ modelPath, ...what }, control) =>
      withModel(modelPath, (model) => saveWeights(model, what, control)),
    runLanes: async (request, control) => {
      const runId = String(nextRun++);
      const run = await runLanes(runId, request, engines, control);
      runs.set(runId, run);
      return run.summaries;
    },
    nodeDetail: async ({ runId, step, key }) => {
      const run = runs.get(runId);
      if (!run) throw new QuarrelError(`run ${runId} was closed`);
      return nodeDetail(run, step, key);
    },
    findFirstBad: (request, control) => kept.find(request, engines, control),
    exportVerdict: async (request) => {
      kept.exportAs(request);
      return null;
    },
    closeVerdict: async () => {
      kept.dispose();
      return null;
    },
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
      kept.dispose();
    },
  };
}

async function withModel<T>(path: string, use: (model: ModelFile) => Promise<T>): Promise<T> {
  const model = openModel(path);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}
