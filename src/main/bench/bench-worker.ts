/** Worker thread of the benchmarks: decodes its share of a round. */
import { parentPort, workerData } from 'node:worker_threads';
import { defined } from '../../shared/base/assert';
import { instantiate } from '../dequant/decoder-module';
import { WasmDecoder } from '../dequant/wasm-decoder';
import { MappedFile } from '../files/mapped-file';
import { benchTensor } from './bench-file';
import type { BenchTask, BenchWorkerData } from './bench-task';

const { memory } = workerData as BenchWorkerData;
const port = defined(parentPort ?? undefined, 'parentPort');
const exports = instantiate(memory.module, memory.memory);
const decoder = new WasmDecoder(memory);

port.on('message', (task: BenchTask) => {
  const { slot, type } = task;
  if (task.kind === 'stream') {
    const tensor = benchTensor(type, task.firstRow + task.rows, MappedFile.attach(task.file));
    decoder.decodeTile(tensor, task.firstRow, task.rows, slot);
  } else {
    const dequantize = exports[type];
    for (let call = 0; call < task.calls; call++) dequantize(slot.window, task.blocks, slot.tile);
  }
  port.postMessage(null);
});
