import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { assert } from '../../shared/base/assert';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { Progress } from '../../shared/base/progress';
import type { JobAnswer, JobEvent, JobMessage, JobName, JobRequest } from '../../shared/ipc/jobs';

/** How long quitting waits for running jobs to remove their files. */
const SHUTDOWN_GRACE_MS = 3_000;
const STDERR_LINES = 20;

/** What the job worker is started with. */
export interface JobWorkerData {
  /** To the GPU window, relayed by main. */
  readonly gpuPort: MessagePort;
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
  private worker: Worker | undefined;
  private stderr: string[] = [];
  private nextId = 1;

  /**
   * @param workerPath bundle of the job worker
   * @param onGpuPort takes main's end of each worker's channel to the GPU window
   * @param cancelGraceMs a worker that does not give up a cancelled job within this time is stopped as a whole
   */
  constructor(
    private readonly workerPath: () => string,
    private readonly onGpuPort: (port: MessagePort) => void,
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
    const settled = Promise.allSettled([...closing, this.idle()]);
    await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, SHUTDOWN_GRACE_MS))]);
    await worker.terminate();
  }

  private async idle(): Promise<void> {
    while (this.jobs.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  private post(message: JobMessage): void {
    this.worker ??= this.startWorker();
    this.worker.postMessage(message);
  }

  private startWorker(): Worker {
    const { port1, port2 } = new MessageChannel();
    const workerData: JobWorkerData = { gpuPort: port2 };
    const worker = new Worker(this.workerPath(), {
      workerData,
      transferList: [port2],
      stderr: true,
      // A worker thread cannot see that it runs in Electron (`process.versions` lacks it there), yet the children it
      // starts must be plain Node.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    this.stderr = [];
    this.onGpuPort(port1);
    let cause: Error | undefined;
    worker.on('message', (event: JobEvent) => this.receive(event));
    worker.on('error', (e) => (cause = e));
    worker.on('exit', (code) => this.workerGone(worker, code, cause));
    worker.stderr.on('data', (chunk: Buffer) => {
      this.stderr = [...this.stderr, ...chunk.toString().split('\n')].filter(Boolean).slice(-STDERR_LINES);
      process.stderr.write(chunk);
    });
    return worker;
  }

  private cancel(id: number): void {
    const job = this.jobs.get(id);
    if (!job || !this.worker || job.cancelTimer) return;
    const { worker } = this;
    job.cancelTimer = setTimeout(() => void worker.terminate(), this.cancelGraceMs);
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

  private workerGone(worker: Worker, code: number, cause: Error | undefined): void {
    assert(this.worker === worker, 'two job workers at once');
    this.worker = undefined;
    this.openRuns.clear();
    this.keepsVerdict = false;
    const detail = [...(cause ? [cause.message] : []), ...this.stderr].join('\n');
    for (const [id, job] of [...this.jobs]) {
      const wasCancelled = job.cancelTimer !== undefined;
      this.settled(id, job);
      if (wasCancelled) job.reject(new CancelledError());
      else job.reject(new QuarrelError(`The job worker stopped (exit code ${code}) while it ran ${job.name}`, detail));
    }
  }
}
