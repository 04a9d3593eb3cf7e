import { availableParallelism } from 'node:os';

import { Piscina } from 'piscina';

import { QuarrelError } from '../../shared/base/errors';
import { entryPath } from '../entry-path';
import type { ModelFile } from '../files/model-file';
import type { TileAnswer, TileReport, TileTask } from './tile';

/** Each thread has about a megabyte of windows, and two tiles of every device lane wait for it. */
const MAX_THREADS = 32;

/** Worker threads that check tiles of one open model. The owner disposes the pool before the model. */
export class VerifyPool {
  readonly threads: number;
  /** Tiles in work or waiting at a time: every thread has its next one ready. */
  readonly tilesAhead: number;
  private readonly pool: Piscina<TileTask, TileAnswer>;

  constructor(model: ModelFile, threads = Math.min(MAX_THREADS, availableParallelism())) {
    this.threads = threads;
    this.tilesAhead = 2 * threads;
    this.pool = new Piscina<TileTask, TileAnswer>({
      filename: entryPath('verify-worker'),
      minThreads: 1,
      maxThreads: threads,
      workerData: model.handle(),
    });
  }

  /** Throws QuarrelError where the file cannot be read. */
  async check(task: TileTask): Promise<TileReport> {
    const answer = await this.pool.run(task);
    if (!answer.ok) throw new QuarrelError(answer.error);
    return answer.value;
  }

  /** Ends the threads. No tile may be in work: that one's caller would never hear of it. */
  async dispose(): Promise<void> {
    await this.pool.destroy();
  }
}
