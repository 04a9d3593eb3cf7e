import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';

import { defined } from '../../shared/base/assert';
import { Control } from '../../shared/base/control';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { JobEvent, JobMessage, JobName, JobRequest } from '../../shared/ipc/jobs';
import { gpuWindowDecoder } from '../lanes/gpu-window-block';
import { GpuWindowClient } from '../lanes/gpu-window-client';
import { gpuWindowLanes } from '../lanes/gpu-window-lane';
import { turnsByClock } from '../yield-to-events';
import { createJobRunner } from './job-runner';

/** Entry of the app's job worker: one thread that does the long work, so that main stays free for its windows. */
const port = defined(parentPort ?? undefined, 'parentPort of the job worker');
const { gpuPort } = workerData as { gpuPort: MessagePort };
const gpu = new GpuWindowClient(gpuPort);
const runner = createJobRunner({ webgpuLane: gpuWindowLanes(gpu), decodeOnDevice: gpuWindowDecoder(gpu) });
const controls = new Map<number, Control>();

port.on('message', (message: JobMessage) => {
  if (message.kind === 'cancel') controls.get(message.id)?.cancel();
  else void start(message.id, message.name, message.request);
});

async function start(id: number, name: JobName, request: unknown): Promise<void> {
  const control = new Control((progress) => send({ kind: 'progress', id, progress }), turnsByClock());
  controls.set(id, control);
  try {
    // Main validated the request against the contract before it sent it.
    const answer = await runner.run(name, request as JobRequest<JobName>, control);
    send({ kind: 'done', id, answer });
  } catch (e) {
    send(failure(id, e));
  } finally {
    controls.delete(id);
  }
}

function failure(id: number, e: unknown): JobEvent {
  if (e instanceof CancelledError) return { kind: 'cancelled', id };
  if (e instanceof QuarrelError) {
    return { kind: 'failed', id, message: e.message, ...(e.detail === undefined ? {} : { detail: e.detail }) };
  }
  const bug = e instanceof Error ? e : new Error(String(e));
  return { kind: 'failed', id, message: `this is a bug in Quarrel: ${bug.message}`, detail: bug.stack ?? '' };
}

function send(event: JobEvent): void {
  port.postMessage(event);
}
