import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { MatMulEngine, MatMulSource } from '../../shared/ops/mat-mul-engine';
import { multiplyHere } from '../../shared/ops/mat-mul-engine';
import type { MatMulJob } from '../../shared/ops/mat-mul-kernel';
import { matMulWork } from '../../shared/ops/mat-mul-kernel';
import { entryPath } from '../entry-path';
import type { WeightHandle } from '../files/weight-view';
import { endThread } from '../workers/end-thread';
import type { OpsAnswer, OpsTask } from '../workers/ops-task';
import { STOPPED } from '../workers/ops-task';

/** Below this many multiply-adds a mat-mul is done before the workers have heard of it. */
const INLINE_WORK = 500_000;
/** More threads wait for memory instead of computing. */
const MAX_THREADS = 16;

export interface EngineOptions {
  /** The weights that the workers read; without them only mat-muls over computed tensors leave this thread. */
  readonly weights: WeightHandle | undefined;
  /** Worker threads; 0 computes everything in this thread. */
  readonly threads?: number;
}

interface Pending {
  readonly next: Int32Array;
  remaining: number;
  failure: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Spreads the rows of large mat-muls over worker threads, which start at the first one. Equal bits with the inline
 * engine: each result is summed by one thread in one order. The owner disposes it.
 */
export class WorkerEngine implements MatMulEngine {
  readonly threads: number;
  private readonly workers: Worker[] = [];
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private stopped = false;
  private broken: Error | undefined;

  constructor(private readonly options: EngineOptions) {
    this.threads = options.threads ?? Math.min(MAX_THREADS, availableParallelism());
  }

  readonly allocate = (byteLength: number): ArrayBufferLike =>
    this.threads === 0 ? new ArrayBuffer(byteLength) : new SharedArrayBuffer(byteLength);

  multiply(job: MatMulJob, source: MatMulSource): Promise<void> {
    if (this.stopped) return Promise.resolve();
    const reachable = source.kind === 'memory' || this.options.weights !== undefined;
    if (this.threads === 0 || !reachable || matMulWork(job) < INLINE_WORK) {
      multiplyHere(job, source);
      return Promise.resolve();
    }
    return this.spread(job, source);
  }

  /** Ends the mat-mul in work early; its result is unfinished, and so is every later one. For cancelled jobs. */
  stop(): void {
    this.stopped = true;
    for (const { next } of this.pending.values()) Atomics.store(next, 0, STOPPED);
  }

  /** Ends the threads; waits for the chunks in work (milliseconds). */
  async dispose(): Promise<void> {
    this.stop();
    await Promise.all(this.workers.splice(0).map(endThread));
  }

  private spread(job: MatMulJob, source: MatMulSource): Promise<void> {
    if (this.broken) return Promise.reject(this.broken);
    while (this.workers.length < this.threads) this.workers.push(this.startWorker());
    const id = this.nextId++;
    const next = new Int32Array(new SharedArrayBuffer(4));
    const place = source.kind === 'weight' ? { weight: source.tensor.name } : { memory: source.memory.buffer };
    return new Promise<void>((resolve, reject) => {
      this.pending.set(id, { next, remaining: this.workers.length, failure: undefined, resolve, reject });
      const task: OpsTask = { id, job, source: place, next };
      for (const worker of this.workers) worker.postMessage(task);
    });
  }

  private startWorker(): Worker {
    const worker = new Worker(entryPath('ops-worker'), { workerData: this.options.weights });
    worker.on('message', (answer: OpsAnswer) => this.answered(answer));
    worker.on('error', (error) => this.fail(error));
    worker.on('exit', () => this.fail(new Error('a worker thread of the reference lane ended')));
    return worker;
  }

  private answered({ id, failure }: OpsAnswer): void {
    const pending = this.pending.get(id);
    if (!pending) {
      // Another thread died and took the mat-mul with it.
      assert(this.broken, `an answer to the unknown mat-mul ${id}`);
      return;
    }
    pending.failure ??= failure;
    if (--pending.remaining > 0) return;
    this.pending.delete(id);
    if (pending.failure === undefined) pending.resolve();
    else pending.reject(new QuarrelError(pending.failure));
  }

  /** A thread that died takes the mat-muls in work with it. */
  private fail(error: Error): void {
    this.broken ??= error;
    for (const { next, reject } of this.pending.values()) {
      Atomics.store(next, 0, STOPPED); // the others need not finish it
      reject(error);
    }
    this.pending.clear();
  }
}
