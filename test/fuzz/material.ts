import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { captureTrace } from '../../src/main/capture/capture';
import { mergeSteps } from '../../src/main/traces/merge-steps';
import { TraceFile } from '../../src/main/traces/trace-file';
import { tinyModelPath } from '../helpers/shared-files';
import { control, dumpOf, reproOf, TOKENS } from '../main/repro/repro-fixture';
import type { Target } from './run-target';
import { ggufOpen, ggufParse } from './targets/gguf';
import { reproTargets } from './targets/repro';
import { suiteTarget } from './targets/suite';
import { traceTargets } from './targets/trace';

export interface Material {
  readonly folder: string;
  readonly targets: readonly Target[];
  dispose(): void;
}

/** Sound files, made by the program itself, and every reader that is given damaged copies of them. */
export async function prepare(): Promise<Material> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-fuzz-'));
  const captured = await stepsOfTinyModel(folder);
  const repro = path.join(folder, 'sound');
  const candidate = await dumpOf(folder, (key, values) => (key === 'kq-1' ? values.map((v) => 2 * v) : values));
  await reproOf(repro, { modelPath: tinyModelPath(), candidate });
  const dump = candidate.replace(/^trace:/, '');
  const targets = [
    ggufParse,
    ggufOpen(folder),
    ...traceTargets(folder, captured, dump),
    suiteTarget(folder),
    ...reproTargets(folder, repro),
  ];
  const dispose = (): void => {
    for (const target of targets) target.dispose?.();
    fs.rmSync(folder, { recursive: true });
  };
  return { folder, targets, dispose };
}

/** A prompt and a decode step in one file, as `quarrel trace --steps` writes it. */
async function stepsOfTinyModel(folder: string): Promise<string> {
  const out = path.join(folder, 'one.safetensors');
  await captureTrace({ modelPath: tinyModelPath(), tokens: TOKENS, out }, control());
  const trace = TraceFile.open(out);
  const both = path.join(folder, 'both.safetensors');
  mergeSteps([trace, trace], both);
  trace.dispose();
  return both;
}
