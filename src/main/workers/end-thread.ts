/**
 * Both ends of a thread that answers tasks until it is told to end. It is never terminated: ending a thread from outside
 * while a native addon (koffi) is at work in it, which it is while the thread loads, aborts the whole process ("FATAL
 * ERROR: Error::ThrowAsJavaScriptException napi_throw").
 */
import type { Worker } from 'node:worker_threads';
import { parentPort } from 'node:worker_threads';
import { defined } from '../../shared/base/assert';

const END = 'end';

/** In the thread: posts the answer of each task (of the type that its owner sends) to the owner, until `endThread`. */
export function answerTasks(answer: (task: never) => unknown): void {
  const port = defined(parentPort ?? undefined, 'parentPort of a worker thread');
  port.on('message', (message: unknown) => {
    // Nothing but the port keeps the thread alive.
    if (message === END) port.close();
    else port.postMessage(answer(message as never));
  });
}

/** For the owner: ends a thread once it has loaded and answered its tasks. Fulfilled when it is gone, however it went. */
export function endThread(thread: Worker): Promise<void> {
  if (thread.threadId === -1) return Promise.resolve();
  return new Promise((resolve) => {
    thread.on('error', () => undefined); // nobody needs it any more, nor what it may fail with
    thread.once('exit', () => resolve());
    thread.postMessage(END);
  });
}
