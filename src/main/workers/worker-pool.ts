import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { EntryName } from '../entry-path';
import { entryPath } from '../entry-path';
import type { LoadedMessage } from './loaded';

/**
 * Threads that run the default export of one bundle; started when there is more to do than they can. Piscina can only
 * terminate them, and that aborts the process while a native addon is at work in one (see end-thread.ts): so the pool
 * waits for the tasks in work, and for the threads that still load.
 */
export class WorkerPool<Task, Answer> {
  private readonly pool: Piscina<Task, Answer>;
  private readonly inWork = new Set<Promise<Answer>>();
  private readonly loaded = new Set<number>();
  /** Of a thread that failed without a task: while it loaded. */
  private failure: Error | undefined;

  /** @param entry its module calls `sayLoaded` at its end. Throws QuarrelError when it is not built. */
  constructor(entry: EntryName, threads: number, workerData: unknown) {
    this.pool = new Piscina<Task, Answer>({
      filename: entryPath(entry),
      minThreads: 1,
      maxThreads: threads,
      // A thread that is ended for having nothing to do loads anew, native libraries and all, for the next task.
      idleTimeout: Infinity,
      workerData,
    });
    this.pool.on('message', ({ loadedThread }: LoadedMessage) => this.loaded.add(loadedThread));
    this.pool.on('error', (error: Error) => this.threadFailed(error));
  }

  /** Rejects with whatever the task throws, or a thread while it loads. */
  async run(task: Task): Promise<Answer> {
    const run = this.pool.run(task);
    this.inWork.add(run);
    const [outcome] = await Promise.allSettled([run]);
    this.inWork.delete(run);
    this.rejectStranded();
    if (this.failure) throw this.failure;
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** Ends the threads once they are idle. No further task may come. */
  async dispose(): Promise<void> {
    await Promise.allSettled(this.inWork);
    for (let thread = this.loading(); thread !== undefined; thread = this.loading()) await news(thread);
    // Not `close()`: its time limit is a timer that keeps the process alive for 30 s after the last task.
    await this.pool.destroy();
  }

  private loading(): Worker | undefined {
    return this.pool.threads.find(({ threadId }) => !this.loaded.has(threadId));
  }

  private threadFailed(error: Error): void {
    this.failure ??= error;
    this.rejectStranded();
  }

  /** Piscina starts no further thread after some failed to load: with the last one gone, queued tasks would never end. */
  private rejectStranded(): void {
    if (this.pool.threads.length === 0) void this.pool.destroy(); // rejects them
  }
}

/** Waits until the thread says something or is gone. */
function news(thread: Worker): Promise<void> {
  thread.ref(); // Piscina's threads do not keep the process alive, which must not go before the pool is disposed
  return new Promise((resolve) => {
    thread.once('message', () => resolve());
    thread.once('exit', () => resolve());
  });
}
