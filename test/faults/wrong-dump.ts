import fs from 'node:fs';
import path from 'node:path';

import { captureTrace } from '../../src/main/capture/capture';
import { TraceFile } from '../../src/main/traces/trace-file';
import { TraceWriter } from '../../src/main/traces/trace-writer';
import { Control } from '../../src/shared/base/control';
import { isComputing } from '../../src/shared/graph/graph';
import { tinyModelPath } from '../helpers/shared-files';

export const TOKENS = [1, 7, 300];

/** A dump of the tiny model that is right, and one that is wrong in one node. */
export async function makeDumps(folder: string): Promise<{ readonly right: string; readonly wrong: string }> {
  const [right, wrong] = [path.join(folder, 'right.safetensors'), path.join(folder, 'wrong.safetensors')];
  const request = { modelPath: tinyModelPath(), tokens: TOKENS, out: right };
  const { graph } = await captureTrace(request, new Control(() => undefined));
  const trace = TraceFile.open(right);
  const writer = TraceWriter.create(wrong);
  for (const id of graph.order) {
    const t = graph.tensors[id];
    if (!t || !isComputing(graph, t)) continue;
    const values = trace.readF32(t.key);
    writer.write(t.key, 'F32', t.ne, t.key === 'ffn_norm-2' ? values.map((v) => v * 1.01) : values);
  }
  writer.finish({ engine: 'wrong', model: '', tokens: TOKENS });
  trace.dispose();
  return { right, wrong };
}

/** A copy of the tiny model that may be destroyed. */
export function copyModel(folder: string): string {
  const copy = path.join(folder, 'model.gguf');
  fs.copyFileSync(tinyModelPath(), copy);
  return copy;
}
