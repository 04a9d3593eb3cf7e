/** Worker thread of the decode pool: decodes rows of the pool's model into shared memory. */
import { workerData } from 'node:worker_threads';
import { QuarrelError } from '../../shared/base/errors';
import { err, ok } from '../../shared/base/result';
import { RowDecoder } from '../../shared/gguf/decode-rows';
import { attachModel } from '../files/model-file';
import type { ModelHandle } from '../files/model-file';
import type { DecodeAnswer, DecodeTask } from './decode-task';

const model = attachModel(workerData as ModelHandle);
const decoder = new RowDecoder();

export default function decode({ tensor, firstRow, rows, out, outOffset }: DecodeTask): DecodeAnswer {
  try {
    decoder.decode(model.requireTensor(tensor), firstRow, rows, out, outOffset);
    return ok(null);
  } catch (error) {
    if (error instanceof QuarrelError) return err(error.message);
    throw error;
  }
}
