import path from 'node:path';
import { captureTrace } from '../../../src/main/capture/capture';
import type { BisectOptions } from '../../../src/main/jobs/find-first-bad';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { writeRepro } from '../../../src/main/repro/write-repro';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { isComputing, tensorOf } from '../../../src/shared/graph/graph';
import { tinyModelPath } from '../../helpers/shared-files';

export const TOKENS = [1, 7, 300, 21, 5];

export const NO_GPU: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };

export const control = (): Control => new Control(() => undefined);

/** Runs the wizard and writes the repro of what it finds into `out`. */
export function reproOf(
  out: string,
  request: {
    readonly modelPath: string;
    readonly candidate: string;
    readonly tokens?: readonly number[];
  } & BisectOptions & {
      readonly steps?: number;
    },
  engines: Engines = NO_GPU,
): Promise<Verdict> {
  const { tokens = TOKENS, ...rest } = request;
  return findFirstBad(
    {
      ...rest,
      prompt: { kind: 'tokens', tokens },
      reference: 'llama',
      onBad: (first, verdict) => writeRepro(out, first, verdict),
    },
    engines,
    control(),
  );
}

/** llama.cpp's results on a model, as the dump of an engine that reads the embedded one so. Returns the LANE. */
export async function dumpOfModel(folder: string, modelPath: string): Promise<string> {
  const out = path.join(folder, 'other-model.safetensors');
  await captureTrace({ modelPath, tokens: TOKENS, out }, control());
  return `trace:${out}`;
}

/** llama.cpp's results on the tiny model as somebody's dump, with some values changed. Returns the LANE. */
export async function dumpOf(
  folder: string,
  change: (key: string, values: Float32Array) => Float32Array,
): Promise<string> {
  const model = tinyModelPath();
  const captured = path.join(folder, 'captured.safetensors');
  const { graph } = await captureTrace({ modelPath: model, tokens: TOKENS, out: captured }, control());
  const from = TraceFile.open(captured);
  const out = path.join(folder, 'dump.safetensors');
  const writer = TraceWriter.create(out);
  for (const id of graph.order) {
    const t = tensorOf(graph, id);
    if (isComputing(graph, t)) writer.write(t.key, 'F32', t.ne, change(t.key, from.readF32(t.key)));
  }
  writer.finish({ engine: 'dump', model, tokens: TOKENS });
  from.dispose();
  return `trace:${out}`;
}
