import { assertUnreachable } from '../../shared/base/assert';
import { Control } from '../../shared/base/control';
import type { QuarrelError } from '../../shared/base/errors';
import type { Failure } from '../../shared/ipc/contract';
import type { GpuHost } from '../../shared/ipc/gpu-host';
import type { GpuAnswer, GpuCall, GpuCallName, GpuMessage } from '../../shared/ipc/gpu-window';
import { decodeBlocks } from './decode-blocks';
import { describeLane, endSequence, runLane } from './run-lane';

declare global {
  /** Set by the preload script src/preload/gpu-host.ts. */
  const gpuHost: GpuHost;
}

const controls = new Map<number, Control>();

function receive(message: GpuMessage): void {
  if (message.kind === 'cancel') controls.get(message.id)?.cancel();
  else void start(message.id, message.call);
}

async function start(id: number, call: GpuCall): Promise<void> {
  const control = new Control((progress) => gpuHost.send({ kind: 'progress', id, progress }));
  controls.set(id, control);
  try {
    gpuHost.send({ kind: 'done', id, answer: await perform(call, control) });
  } catch (e) {
    gpuHost.send({ kind: 'failed', id, failure: failureOf(e) });
  } finally {
    controls.delete(id);
  }
}

async function perform(call: GpuCall, control: Control): Promise<GpuAnswer<GpuCallName>> {
  switch (call.name) {
    case 'describe':
      return describeLane(gpuHost, call.request);
    case 'run':
      await runLane(gpuHost, call.request, control);
      return null;
    case 'endSequence':
      await endSequence(call.request.sequence);
      return null;
    case 'decodeBlocks':
      return decodeBlocks(gpuHost, call.request);
    default:
      return assertUnreachable(call);
  }
}

/**
 * Errors of the host bridge come from the same realm (no context isolation), but from another bundle with its own copy
 * of the classes: they are told apart by name.
 */
function failureOf(e: unknown): Failure {
  const error = e instanceof Error ? e : new Error(String(e));
  if (error.name === 'CancelledError') return { kind: 'cancelled' };
  const { detail } = error as Pick<QuarrelError, 'detail'>;
  const message = error.name === 'QuarrelError' ? error.message : `Internal error in the GPU window: ${error.message}`;
  return { kind: 'failed', message, ...(detail === undefined ? {} : { detail }) };
}

gpuHost.onMessage(receive);
