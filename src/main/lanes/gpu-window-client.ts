import { assertUnreachable } from '../../shared/base/assert';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { JobControl, Progress } from '../../shared/base/progress';
import type { Failure } from '../../shared/ipc/contract';
import type { GpuAnswer, GpuCall, GpuCallName, GpuEvent, GpuMessage, GpuRequest } from '../../shared/ipc/gpu-window';

interface Pending {
  readonly resolve: (answer: GpuAnswer<GpuCallName>) => void;
  readonly reject: (reason: Error) => void;
  readonly progress: (p: Progress) => void;
}

/** Calls the GPU window from the job worker, through main, which relays; one client for all. */
export class GpuWindowClient {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  constructor(private readonly post: (message: GpuMessage) => void) {}

  /** Throws QuarrelError when the window or WebGPU fails, CancelledError when `control` is cancelled. */
  async call<N extends GpuCallName>(name: N, request: GpuRequest<N>, control?: JobControl): Promise<GpuAnswer<N>> {
    control?.throwIfCancelled();
    const id = this.nextId++;
    const unsubscribe = control?.onCancel(() => this.post({ kind: 'cancel', id }));
    try {
      const answer = await new Promise<GpuAnswer<GpuCallName>>((resolve, reject) => {
        this.pending.set(id, { resolve, reject, progress: (p) => control?.progress(p) });
        this.post({ kind: 'start', id, call: { name, request } as GpuCall });
      });
      return answer as GpuAnswer<N>;
    } finally {
      this.pending.delete(id);
      unsubscribe?.();
    }
  }

  /** Takes what the window says. */
  receive(event: GpuEvent): void {
    const waiting = this.pending.get(event.id);
    if (!waiting) return; // the answer to a call that was cancelled meanwhile
    switch (event.kind) {
      case 'progress':
        return waiting.progress(event.progress);
      case 'done':
        return waiting.resolve(event.answer);
      case 'failed':
        return waiting.reject(errorOf(event.failure));
    }
  }
}

function errorOf(failure: Failure): Error {
  switch (failure.kind) {
    case 'cancelled':
      return new CancelledError();
    case 'failed':
      return new QuarrelError(failure.message, failure.detail);
    case 'refused':
      return new QuarrelError(failure.message);
    default:
      return assertUnreachable(failure);
  }
}
