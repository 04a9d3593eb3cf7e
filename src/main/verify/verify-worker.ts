/** Worker thread of `verify`: decodes tiles of the owner's model in every CPU lane and compares them. */
import { workerData } from 'node:worker_threads';

import { QuarrelError } from '../../shared/base/errors';
import { err, ok } from '../../shared/base/result';
import type { ModelHandle } from '../files/model-file';
import { attachModel } from '../files/model-file';
import { sayLoaded } from '../workers/loaded';
import type { TileAnswer, TileTask } from './tile';
import { TileChecker } from './tile-checker';

const model = attachModel(workerData as ModelHandle);
const checker = new TileChecker();
sayLoaded();

export default function checkTile(task: TileTask): TileAnswer {
  try {
    return ok(checker.check(model.requireTensor(task.tensor), task));
  } catch (error) {
    if (error instanceof QuarrelError) return err(error.message);
    throw error;
  }
}
