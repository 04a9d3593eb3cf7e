import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { DecodeMemoryHandle } from '../dequant/decode-memory';
import { entryPath } from '../entry-path';
import { endThread } from '../workers/end-thread';
import type { BenchTask, BenchWorkerData } from './bench-task';

/** Worker threads that decode in one shared memory. The owner disposes them. */
export class BenchThreads {
  private readonly workers: readonly Worker[];

  constructor(count: number, memory: DecodeMemoryHandle) {
    const data: BenchWorkerData = { memory };
    this.workers = Array.from({ length: count }, () => new Worker(entryPath('bench-worker'), { workerData: data }));
  }

  get count(): number {
    return this.workers.length;
  }

  /** Gives each of the first threads its task, and waits for all. */
  async run(tasks: readonly BenchTask[]): Promise<void> {
    await Promise.all(
      tasks.map(async (task, i) => {
        const worker = this.workers[i] as Worker;
        const answer = once(worker, 'message'); // rejects with the worker's error
        worker.postMessage(task);
        await answer;
      }),
    );
  }

  async dispose(): Promise<void> {
    await Promise.all(this.workers.map(endThread));
  }
}
