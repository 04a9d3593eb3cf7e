/** What main and the job worker say to each other. */
import type { GpuEvent, GpuMessage } from '../../shared/ipc/gpu-window';
import type { JobEvent, JobMessage } from '../../shared/ipc/jobs';
import type { ProgramNews, ProgramOrder } from '../processes/remote-programs';

/** What the worker cannot do itself: reach the GPU window, start programs. */
export type ServiceRequest =
  { readonly kind: 'gpu'; readonly message: GpuMessage } | { readonly kind: 'program'; readonly order: ProgramOrder };

export type ServiceAnswer =
  { readonly kind: 'gpu'; readonly event: GpuEvent } | { readonly kind: 'program'; readonly news: ProgramNews };

export type ToWorker = JobMessage | ServiceAnswer;
export type FromWorker = JobEvent | ServiceRequest;
