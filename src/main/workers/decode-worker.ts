/** Worker thread of the decode pool: decodes rows of the pool's model in the pool's shared memory. */
import { workerData } from 'node:worker_threads';
import { QuarrelError } from '../../shared/base/errors';
import { err, ok } from '../../shared/base/result';
import { RowDecoder } from '../../shared/gguf/decode-rows';
import { WasmDecoder } from '../dequant/wasm-decoder';
import { attachModel } from '../files/model-file';
import type { DecodeAnswer, DecodeTask, DecodeWorkerData } from './decode-task';
import { sayLoaded } from './loaded';

const { model: handle, memory } = workerData as DecodeWorkerData;
const model = attachModel(handle);
const wasm = new WasmDecoder(memory);
const scalar = new RowDecoder();
sayLoaded();

export default function decode(task: DecodeTask): DecodeAnswer {
  try {
    run(task);
    return ok(null);
  } catch (error) {
    if (error instanceof QuarrelError) return err(error.message);
    throw error;
  }
}

function run({ tensor: name, firstRow, rows, decoder, slot, into }: DecodeTask): void {
  const tensor = model.requireTensor(name);
  if (decoder === 'scalar') {
    const { values, offset } = into ?? { values: wasm.values(slot), offset: 0 };
    scalar.decode(tensor, firstRow, rows, values, offset);
  } else if (into === undefined) {
    wasm.decodeTile(tensor, firstRow, rows, slot);
  } else {
    wasm.decodeRows(tensor, firstRow, rows, slot, into.values, into.offset);
  }
}
