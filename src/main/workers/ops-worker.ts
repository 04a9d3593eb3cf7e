/** Worker thread of the reference lane: multiplies chunks of rows, reading weights from the owner's mapping. */
import { workerData } from 'node:worker_threads';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { MatMulSource } from '../../shared/ops/mat-mul-engine';
import { windowsOf } from '../../shared/ops/mat-mul-engine';
import { chunkCount, multiplyChunk } from '../../shared/ops/mat-mul-kernel';
import { Memory } from '../../shared/ops/memory';
import { referenceDecoder } from '../../shared/ops/operand';
import { attachModel } from '../files/model-file';
import type { WeightHandle } from '../files/weight-view';
import { throughAccess } from '../files/weight-view';
import { answerTasks } from './end-thread';
import type { OpsAnswer, OpsTask } from './ops-task';

const handle = workerData as WeightHandle | undefined;
const model = handle && attachModel(handle.model);

answerTasks((task: OpsTask): OpsAnswer => ({ id: task.id, failure: run(task) }));

function run({ job, source, next }: OpsTask): string | undefined {
  try {
    const read = windowsOf(placeOf(source));
    const decode = referenceDecoder(job.type);
    const chunks = chunkCount(job);
    for (let i = Atomics.add(next, 0, 1); i < chunks; i = Atomics.add(next, 0, 1)) multiplyChunk(job, i, read, decode);
    return undefined;
  } catch (error) {
    if (error instanceof QuarrelError) return error.message;
    throw error;
  }
}

function placeOf(source: OpsTask['source']): MatMulSource {
  if ('memory' in source) return { kind: 'memory', memory: new Memory(source.memory) };
  assert(model, `weight ${source.weight} is read, but no model is attached`);
  return { kind: 'weight', tensor: throughAccess(model.requireTensor(source.weight), handle.access) };
}
