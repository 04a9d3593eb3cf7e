import { CancelledError, QuarrelError } from '../../../shared/base/errors';
import type { Progress } from '../../../shared/base/progress';
import type { CallAnswer, CallName, CallRequest, JobCall, QuarrelApi } from '../../../shared/ipc/contract';
import type { JobAnswer, JobName, JobRequest } from '../../../shared/ipc/jobs';

declare global {
  interface Window {
    readonly quarrel: QuarrelApi;
  }
}

/** Calls main; throws QuarrelError or CancelledError where the reply is a failure. */
export async function call<N extends CallName>(name: N, request: CallRequest<N>): Promise<CallAnswer<N>> {
  const reply = await window.quarrel.call(name, request);
  if (reply.ok) return reply.value;
  const { failure } = reply;
  if (failure.kind === 'cancelled') throw new CancelledError();
  throw new QuarrelError(failure.message, failure.kind === 'failed' ? failure.detail : undefined);
}

export interface RunningJob<N extends JobName> {
  readonly answer: Promise<JobAnswer<N>>;
  cancel(): void;
}

const progressListeners = new Map<number, (progress: Progress) => void>();
let nextId = 1;
let subscribed = false;

/** Starts a long job; `answer` rejects with QuarrelError or CancelledError. */
export function startJob<N extends JobName>(
  name: N,
  request: JobRequest<N>,
  onProgress: (progress: Progress) => void = () => undefined,
): RunningJob<N> {
  const id = nextId++;
  return followed(id, onProgress, () => call('startJob', { id, name, request } as JobCall));
}

/** Follows a job that an earlier page of this window started. */
export function joinJob<N extends JobName>(id: number, onProgress: (progress: Progress) => void): RunningJob<N> {
  return followed(id, onProgress, () => call('joinJob', { id }));
}

/** Jobs of an earlier page have the ids up to this one. */
export function startIdsAfter(id: number): void {
  nextId = Math.max(nextId, id + 1);
}

function followed<N extends JobName>(
  id: number,
  onProgress: (progress: Progress) => void,
  answered: () => Promise<JobAnswer<JobName>>,
): RunningJob<N> {
  if (!subscribed) {
    subscribed = true;
    window.quarrel.on('jobProgress', ({ id: of, progress }) => progressListeners.get(of)?.(progress));
  }
  progressListeners.set(id, onProgress);
  const answer = answered()
    .finally(() => progressListeners.delete(id))
    .then((value) => value as JobAnswer<N>);
  return { answer, cancel: () => void call('cancelJob', { id }) };
}
