import type { ShallowRef } from 'vue';
import { shallowRef } from 'vue';
import { CancelledError, QuarrelError } from '../../../shared/base/errors';
import type { Progress } from '../../../shared/base/progress';
import type { JobAnswer, JobName, JobRequest } from '../../../shared/ipc/jobs';
import type { RunningJob } from '../api/quarrel';
import { joinJob, startJob } from '../api/quarrel';
import { useAppStore } from './app';

/** A stage of running work as it was last heard of. */
export interface Stage {
  readonly name: string;
  readonly progress: Progress;
}

export interface JobState {
  readonly running: ShallowRef<boolean>;
  readonly cancelling: ShallowRef<boolean>;
  /** In the order in which they began; the last one runs. */
  readonly stages: ShallowRef<readonly Stage[]>;
  /** The answer, or undefined when it was cancelled or failed; a failure becomes a notice. */
  run<N extends JobName>(name: N, request: JobRequest<N>): Promise<JobAnswer<N> | undefined>;
  /** The same for a job that runs already, with the stages that it has gone through. */
  join<N extends JobName>(id: number, stages: readonly Progress[]): Promise<JobAnswer<N> | undefined>;
  cancel: () => void;
}

/** One slot for long work: at most one job at a time, with its progress. */
export function createJobState(): JobState {
  const running = shallowRef(false);
  const cancelling = shallowRef(false);
  const stages = shallowRef<readonly Stage[]>([]);
  let job: RunningJob<JobName> | undefined;

  async function follow<N extends JobName>(
    start: (onProgress: (progress: Progress) => void) => RunningJob<N>,
    before: readonly Progress[],
  ): Promise<JobAnswer<N> | undefined> {
    if (running.value) return undefined;
    running.value = true;
    cancelling.value = false;
    stages.value = before.map((progress) => ({ name: progress.stage, progress }));
    try {
      const started = start((progress) => (stages.value = withProgress(stages.value, progress)));
      job = started;
      return await started.answer;
    } catch (e) {
      reportFailure(e);
      return undefined;
    } finally {
      job = undefined;
      running.value = false;
      cancelling.value = false;
    }
  }

  return {
    running,
    cancelling,
    stages,
    run: (name, request) => follow((onProgress) => startJob(name, request, onProgress), []),
    join: <N extends JobName>(id: number, before: readonly Progress[]) =>
      follow<N>((onProgress) => joinJob<N>(id, onProgress), before),
    cancel: () => {
      if (!job) return;
      cancelling.value = true;
      job.cancel();
    },
  };
}

export function reportFailure(e: unknown): void {
  if (e instanceof CancelledError) return;
  const detail = e instanceof QuarrelError ? e.detail : undefined;
  useAppStore().notify('error', e instanceof Error ? e.message : String(e), detail);
}

/** Stages in order of first appearance; a stage that reports again is updated in place. */
export function withProgress(stages: readonly Stage[], progress: Progress): readonly Stage[] {
  const index = stages.findIndex((s) => s.name === progress.stage);
  const stage = { name: progress.stage, progress };
  return index < 0 ? [...stages, stage] : stages.map((s, i) => (i === index ? stage : s));
}
