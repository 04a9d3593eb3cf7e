import type { MatMulJob } from '../../shared/ops/mat-mul-kernel';

/** Chunks of this index and beyond do not exist: storing it into `next` makes every worker stop. */
export const STOPPED = 0x3fffffff;

/** One mat-mul for all workers: each takes the next chunk until none is left. All arrays lie in shared memory. */
export interface OpsTask {
  readonly id: number;
  readonly job: MatMulJob;
  /** A: a weight of the attached model, or memory of the run. */
  readonly source: { readonly weight: string } | { readonly memory: ArrayBufferLike };
  /** One element: index of the next chunk. */
  readonly next: Int32Array;
}

export interface OpsAnswer {
  readonly id: number;
  /** Message of a QuarrelError; undefined when all went well. */
  readonly failure: string | undefined;
}
