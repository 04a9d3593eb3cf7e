import { assertUnreachable } from '../../shared/base/assert';
import { Control } from '../../shared/base/control';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { JobEvent, JobName, JobRequest } from '../../shared/ipc/jobs';
import { gpuWindowDecoder } from '../lanes/gpu-window-block';
import { GpuWindowClient } from '../lanes/gpu-window-client';
import { gpuWindowLanes } from '../lanes/gpu-window-lane';
import { inUtilityProcess, parentLink } from '../processes/parent-link';
import { RemotePrograms } from '../processes/remote-programs';
import { startProgramsWith } from '../processes/start-program';
import { turnsByClock } from '../yield-to-events';
import { createJobRunner } from './job-runner';
import type { FromWorker, ToWorker } from './worker-messages';

/** Entry of the app's job worker: a process that does the long work, so that main stays free for its windows. */
const main = parentLink();
const send = (message: FromWorker): void => main.post(message);
const gpu = new GpuWindowClient((message) => send({ kind: 'gpu', message }));
const programs = new RemotePrograms((order) => send({ kind: 'program', order }));
if (inUtilityProcess()) startProgramsWith(programs.start);
const runner = createJobRunner({ webgpuLane: gpuWindowLanes(gpu), decodeOnDevice: gpuWindowDecoder(gpu) });
const controls = new Map<number, Control>();

main.onMessage((raw) => {
  const message = raw as ToWorker;
  switch (message.kind) {
    case 'start':
      return void start(message.id, message.name, message.request);
    case 'cancel':
      return controls.get(message.id)?.cancel();
    case 'gpu':
      return gpu.receive(message.event);
    case 'program':
      return programs.receive(message.news);
    default:
      return assertUnreachable(message);
  }
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
