import { assert } from '../../shared/base/assert';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { Progress } from '../../shared/base/progress';
import type { JobAnswer, JobEvent, JobMessage, JobName, JobRequest } from '../../shared/ipc/jobs';
import type { FromWorker, ServiceAnswer, ServiceRequest } from '../jobs/worker-messages';
import type { Ending, Program, ProgramListener } from '../processes/program';
import { endingText } from '../processes/program';

/** How long quitting waits for running jobs to remove their files, and then for the worker's end. */
const SHUTDOWN_GRACE_MS = 3_000;
const END_GRACE_MS = 2_000;
const STDERR_LINES = 20;

/** What a worker asks of main besides. */
export interface WorkerServices {
  /** @param answer reaches the worker that asked, as long as it lives */
  receive(request: ServiceRequest, answer: (message: ServiceAnswer) => void): void;
  /** A worker is gone: whatever it asked for has no reader, and what it wrote no owner. Fulfilled when that is gone, too. */
  workerGone(): Promise<void>;
}

interface Job {
  readonly name: JobName;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly onProgress: (progress: Progress) => void;
  cancelTimer?: NodeJS.Timeout;
}

export interface RunningJob<N extends JobName> {
  /** Rejects with QuarrelError or CancelledError. */
  readonly answer: Promise<JobAnswer<N>>;
  cancel(): void;
}

/**
 * Runs jobs in the job worker: started on first need, started anew after it died, and outlived by the app. Its owner
 * disposes it.
 */
export class JobService {
  private readonly jobs = new Map<number, Job>();
  private readonly openRuns = new Set<string>();
  /** Whether the worker keeps what the wizard found. */
  private keepsVerdict = false;
  private worker: Program | undefined;
  /** What the last worker left is being removed. */
  private cleaning: Promise<void> = Promise.resolve();
  private stderr: string[] = [];
  private nextId = 1;

  /**
   * @param startWorker starts a job worker
   * @param cancelGraceMs a worker that does not give up a cancelled job within this time is stopped as a whole
   */
  constructor(
    private readonly startWorker: (listener: ProgramListener) => Program,
    private readonly services: WorkerServices,
    private readonly cancelGraceMs = 15_000,
  ) {}

  start<N extends JobName>(name: N, request: JobRequest<N>, onProgress: (progress: Progress) => void): RunningJob<N> {
    const id = this.nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.jobs.set(id, { name, resolve, reject, onProgress });
      try {
        this.post({ kind: 'start', id, name, request });
      } catch (e) {
        this.jobs.delete(id);
        reject(e instanceof Error ? e : new Error(String(e)));
      }
    }).then((value) => {
      if (name === 'runLanes') for (const { runId } of value as JobAnswer<'runLanes'>) this.openRuns.add(runId);
      if (name === 'findFirstBad') this.keepsVerdict = true;
      if (name === 'closeRun') this.openRuns.delete((request as JobRequest<'closeRun'>).runId);
      return value as JobAnswer<N>;
    });
    return { answer, cancel: () => this.cancel(id) };
  }

  /** Cancels what runs, removes the traces of open runs, stops the worker. */
  async dispose(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    for (const id of this.jobs.keys()) this.cancel(id);
    const closing = [...this.openRuns].map((runId) => this.start('closeRun', { runId }, () => undefined).answer);
    if (this.keepsVerdict) closing.push(this.start('closeVerdict', {}, () => undefined).answer);
    await within(SHUTDOWN_GRACE_MS, Promise.allSettled([...closing, this.idle()]));
    worker.kill();
    // One that hangs in a dead disk is not even killed at once; it must not keep the app.
    await within(END_GRACE_MS, this.ended());
  }

  private async ended(): Promise<void> {
    while (this.worker) await soon();
    await this.cleaning;
  }

  private async idle(): Promise<void> {
    while (this.jobs.size > 0) await soon();
  }

  private post(message: JobMessage): void {
    this.worker ??= this.newWorker();
    this.worker.post(message);
  }

  private newWorker(): Program {
    this.stderr = [];
    const answer = (message: ServiceAnswer): void => {
      if (this.worker === worker) worker.post(message);
    };
    const worker: Program = this.startWorker({
      message: (raw) => {
        if (this.worker !== worker) return;
        const message = raw as FromWorker;
        if (message.kind === 'gpu' || message.kind === 'program') this.services.receive(message, answer);
        else this.receive(message);
      },
      line: (line) => {
        this.stderr = [...this.stderr, line].slice(-STDERR_LINES);
        process.stderr.write(`${line}\n`);
      },
      end: (ending) => this.workerGone(worker, ending),
    });
    return worker;
  }

  private cancel(id: number): void {
    const job = this.jobs.get(id);
    if (!job || !this.worker || job.cancelTimer) return;
    const { worker } = this;
    job.cancelTimer = setTimeout(() => worker.kill(), this.cancelGraceMs);
    this.post({ kind: 'cancel', id });
  }

  private receive(event: JobEvent): void {
    const job = this.jobs.get(event.id);
    if (!job) return;
    if (event.kind === 'progress') return job.onProgress(event.progress);
    this.settled(event.id, job);
    if (event.kind === 'done') job.resolve(event.answer);
    else if (event.kind === 'cancelled') job.reject(new CancelledError());
    else job.reject(new QuarrelError(event.message, event.detail));
  }

  private settled(id: number, job: Job): void {
    clearTimeout(job.cancelTimer);
    this.jobs.delete(id);
  }

  private workerGone(worker: Program, ending: Ending): void {
    assert(this.worker === worker, 'two job workers at once');
    this.worker = undefined;
    this.openRuns.clear();
    this.keepsVerdict = false;
    this.cleaning = this.services.workerGone();
    for (const [id, job] of [...this.jobs]) {
      const wasCancelled = job.cancelTimer !== undefined;
      this.settled(id, job);
      if (wasCancelled) job.reject(new CancelledError());
      else {
        const message = `The job worker ${endingText(ending)} while it ran ${job.name}`;
        job.reject(new QuarrelError(message, this.stderr.join('\n')));
      }
    }
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, late]);
  clearTimeout(timer);
}
