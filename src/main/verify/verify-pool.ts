import { availableParallelism } from 'node:os';

import { QuarrelError } from '../../shared/base/errors';
import { locateLibrary } from '../capture/library-files';
import { keepGgmlBase } from '../capture/llama-library';
import type { ModelFile } from '../files/model-file';
import { WorkerPool } from '../workers/worker-pool';
import type { TileAnswer, TileReport, TileTask } from './tile';

/** Each thread has about a megabyte of windows, and two tiles of every device lane wait for it. */
const MAX_THREADS = 32;

/** Worker threads that check tiles of one open model. The owner disposes the pool before the model. */
export class VerifyPool {
  readonly threads: number;
  /** Tiles in work or waiting at a time: every thread has its next one ready. */
  readonly tilesAhead: number;
  private readonly pool: WorkerPool<TileTask, TileAnswer>;

  constructor(model: ModelFile, threads = Math.min(MAX_THREADS, availableParallelism())) {
    this.threads = threads;
    this.tilesAhead = 2 * threads;
    keepLibrary();
    this.pool = new WorkerPool('verify-worker', threads, model.handle());
  }

  /** Throws QuarrelError where the file cannot be read. */
  async check(task: TileTask): Promise<TileReport> {
    const answer = await this.pool.run(task);
    if (!answer.ok) throw new QuarrelError(answer.error);
    return answer.value;
  }

  /** Ends the threads; waits for the tiles in work. */
  dispose(): Promise<void> {
    return this.pool.dispose();
  }
}

/** The threads load it for the lane `llama`; one that is not there is that lane's affair. */
function keepLibrary(): void {
  try {
    keepGgmlBase(locateLibrary());
  } catch (error) {
    if (!(error instanceof QuarrelError)) throw error;
  }
}
