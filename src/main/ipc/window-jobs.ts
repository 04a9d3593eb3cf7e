import { QuarrelError } from '../../shared/base/errors';
import type { Progress } from '../../shared/base/progress';
import type { JobCall, KeptJob, KeptJobName, WindowSession } from '../../shared/ipc/contract';
import type { JobAnswer, JobName, JobRequest } from '../../shared/ipc/jobs';
import type { JobService, RunningJob } from './job-service';

interface Running {
  readonly call: JobCall;
  readonly job: RunningJob<JobName>;
  /** The newest of each stage. */
  readonly stages: Map<string, Progress>;
}

/**
 * The jobs of the window, and what the last of each kind found. They outlive its page: one that is loaded anew is told
 * (`session`) and goes on with what runs (`join`).
 */
export class WindowJobs {
  private readonly running = new Map<number, Running>();
  private readonly kept = new Map<KeptJobName, KeptJob>();
  private lastId = 0;

  constructor(
    private readonly jobs: JobService,
    private readonly onProgress: (id: number, progress: Progress) => void,
  ) {}

  /** Runs a job to its end. Rejects with QuarrelError or CancelledError. */
  run(call: JobCall): Promise<JobAnswer<JobName>> {
    const { id, name, request } = call;
    if (this.running.has(id)) throw new QuarrelError(`job ${id} is running already`);
    this.lastId = Math.max(this.lastId, id);
    if (name === 'findFirstBad') this.kept.delete(name);
    const stages = new Map<string, Progress>();
    const job = this.jobs.start(name, request, (progress) => {
      stages.set(progress.stage, progress);
      this.onProgress(id, progress);
    });
    this.running.set(id, { call, job, stages });
    return job.answer
      .then((answer) => {
        this.keep(call, answer);
        return answer;
      })
      .finally(() => this.running.delete(id));
  }

  /** The answer of a job that was started by an earlier page. */
  join(id: number): Promise<JobAnswer<JobName>> {
    const running = this.running.get(id);
    if (running) return running.job.answer;
    const kept = [...this.kept.values()].find((k) => k.id === id);
    if (kept) return Promise.resolve(kept.answer);
    throw new QuarrelError('the job ended while its window was being opened again');
  }

  cancel(id: number): void {
    this.running.get(id)?.job.cancel();
  }

  lastOf<N extends KeptJobName>(name: N): Extract<KeptJob, { name: N }> | undefined {
    return this.kept.get(name) as Extract<KeptJob, { name: N }> | undefined;
  }

  session(loss: string | undefined): WindowSession {
    return {
      loss: loss ?? null,
      lastId: this.lastId,
      kept: [...this.kept.values()],
      running: [...this.running.values()].map(({ call, stages }) => ({ call, stages: [...stages.values()] })),
    };
  }

  private keep(call: JobCall, answer: JobAnswer<JobName>): void {
    switch (call.name) {
      case 'inspect':
        // Another model: what was found in the one before is shown no more.
        this.kept.clear();
        this.put({ ...call, answer: answer as JobAnswer<'inspect'> });
        return;
      case 'runLanes':
        return this.put({ ...call, answer: answer as JobAnswer<'runLanes'> });
      case 'findFirstBad':
        return this.put({ ...call, answer: answer as JobAnswer<'findFirstBad'> });
      case 'closeRun':
        return this.forgetRun(call.request);
      default:
    }
  }

  /** The newest last. */
  private put(job: KeptJob): void {
    this.kept.delete(job.name);
    this.kept.set(job.name, job);
  }

  private forgetRun({ runId }: JobRequest<'closeRun'>): void {
    const run = this.lastOf('runLanes');
    if (run?.answer.some((summary) => summary.runId === runId)) this.kept.delete('runLanes');
  }
}
