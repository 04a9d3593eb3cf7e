/** Worker thread of the benchmarks: decodes its share of a round. */
import { workerData } from 'node:worker_threads';
import { instantiate } from '../dequant/decoder-module';
import { WasmDecoder } from '../dequant/wasm-decoder';
import { MappedFile } from '../files/mapped-file';
import { answerTasks } from '../workers/end-thread';
import { benchTensor } from './bench-file';
import type { BenchTask, BenchWorkerData } from './bench-task';

const { memory } = workerData as BenchWorkerData;
const exports = instantiate(memory.module, memory.memory);
const decoder = new WasmDecoder(memory);

answerTasks((task: BenchTask) => {
  const { slot, type } = task;
  if (task.kind === 'stream') {
    const tensor = benchTensor(type, task.firstRow + task.rows, MappedFile.attach(task.file));
    decoder.decodeTile(tensor, task.firstRow, task.rows, slot);
  } else {
    const dequantize = exports[type];
    for (let call = 0; call < task.calls; call++) dequantize(slot.window, task.blocks, slot.tile);
  }
  return null;
});
