import picomatch from 'picomatch';

import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { NotMeasuredTensor, VerifyReport } from '../../shared/compare/decode-report';
import type { GgufTensor } from '../../shared/gguf/tensor-directory';
import type { ModelFile } from '../files/model-file';
import { openModel } from '../files/model-file';
import { modelFilesOf } from '../files/run-inputs';
import { onUnchanged } from '../files/watched-files';
import type { ModelTensor } from '../files/model-tensor';
import type { Owned } from '../jobs/owned';
import { owning } from '../jobs/owned';
import { assembleReport } from './assemble-report';
import type { OpenDevice } from './device-decoder';
import type { VerifyLane } from './lanes';
import { parseVerifyLane } from './lanes';
import type { OpenLane } from './open-lanes';
import { openLane } from './open-lanes';
import { LaneTimes, runChecks } from './run-checks';
import { TensorCheck } from './tensor-check';
import { ValueKernel } from './value-kernel';
import { VerifyPool } from './verify-pool';

export interface VerifyRequest {
  readonly modelPath: string;
  /** Names of tensors, with `*` and `?`; all where absent. */
  readonly tensors?: string;
  readonly lanes: readonly VerifyLane[];
  /** Checks at most so many runs of 256 values per tensor, evenly spread. */
  readonly sample?: number;
  readonly threads?: number;
}

/**
 * Decodes a model in every lane and compares each lane, bit by bit, with llama.cpp's own decoders; where those cannot
 * decode a type, the scalar reference is the judge. Memory stays flat, however large the model is.
 * Throws QuarrelError (no such model or tensor, file changed) and CancelledError.
 */
export function verifyModel(
  request: VerifyRequest,
  openDevice: OpenDevice,
  control: JobControl,
): Promise<VerifyReport> {
  const { modelPath } = request;
  return onUnchanged(modelFilesOf(modelPath), () => verifyOpened(request, openDevice, control));
}

function verifyOpened(request: VerifyRequest, openDevice: OpenDevice, control: JobControl): Promise<VerifyReport> {
  return owning(async (owned) => {
    const model = owned.add(openModel(request.modelPath));
    const selected = selectTensors(model, request.tensors);
    const pool = owned.add(new VerifyPool(model, request.threads));
    const startedAt = performance.now();
    const { lanes, judges } = await openLanes(request.lanes, openDevice, pool.tilesAhead, owned);
    const notMeasured: NotMeasuredTensor[] = [];
    const checks = selected.flatMap((entry) => {
      const check = planTensor(model, entry, lanes, judges, request.sample);
      if (check instanceof TensorCheck) return [check];
      notMeasured.push({ tensor: entry.name, lane: null, reason: check });
      return [];
    });
    const times = new LaneTimes();
    await runChecks(checks, pool, times, control);
    const kernel = new ValueKernel();
    return assembleReport({
      model,
      sample: request.sample,
      lanes,
      tensors: checks.map((check) => check.report(kernel)),
      notMeasured,
      times,
      threads: pool.threads,
      seconds: (performance.now() - startedAt) / 1000,
    });
  });
}

function selectTensors(model: ModelFile, glob: string | undefined): readonly GgufTensor[] {
  const { tensors } = model.gguf;
  if (glob === undefined) return tensors;
  const matches = picomatch(glob);
  const selected = tensors.filter((tensor) => matches(tensor.name));
  if (selected.length > 0) return selected;
  throw new QuarrelError(`${model.path}: no tensor matches ${JSON.stringify(glob)} among its ${tensors.length}`);
}

/** The lanes asked for, and those that may judge, best first. */
async function openLanes(
  wanted: readonly VerifyLane[],
  openDevice: OpenDevice,
  slots: number,
  owned: Owned,
): Promise<{ lanes: OpenLane[]; judges: OpenLane[] }> {
  const open = (lane: VerifyLane): Promise<OpenLane> => openLane(lane, openDevice, slots, (item) => owned.add(item));
  const lanes: OpenLane[] = [];
  for (const lane of wanted) lanes.push(await open(lane));
  const judges: OpenLane[] = [];
  for (const name of ['llama', 'scalar']) {
    judges.push(lanes.find((lane) => lane.name === name) ?? (await open(parseVerifyLane(name))));
  }
  return { lanes, judges };
}

/** What is to be done with a tensor, or why nothing can be. */
function planTensor(
  model: ModelFile,
  entry: GgufTensor,
  lanes: readonly OpenLane[],
  judges: readonly OpenLane[],
  sample: number | undefined,
): TensorCheck | string {
  if (entry.problem !== undefined) return entry.problem;
  const tensor = readable(model, entry.name);
  if (typeof tensor === 'string') return tensor;
  const judge = judges.find((lane) => lane.missing(tensor.type) === undefined);
  if (judge === undefined) return judges.map((lane) => lane.missing(tensor.type)).join('; ');
  assert(judge.cpu, 'judges decode on the CPU');
  return new TensorCheck(tensor, judge.cpu, lanes, sample);
}

/** The tensor, or why it cannot be read (quantized data of a big-endian file). */
function readable(model: ModelFile, name: string): ModelTensor | string {
  try {
    return model.requireTensor(name);
  } catch (error) {
    if (error instanceof QuarrelError) return error.message;
    throw error;
  }
}
