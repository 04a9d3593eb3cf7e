import { parentPort, threadId } from 'node:worker_threads';

/** What a thread of a `WorkerPool` says when it has loaded. */
export interface LoadedMessage {
  readonly loadedThread: number;
}

/** To be called at the end of the module that a `WorkerPool` runs: before that, the pool cannot end the thread. */
export function sayLoaded(): void {
  parentPort?.postMessage({ loadedThread: threadId } satisfies LoadedMessage);
}
