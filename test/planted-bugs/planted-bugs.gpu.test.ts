import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureTrace } from '../../src/main/capture/capture';
import type { ModelFile } from '../../src/main/files/model-file';
import { openModel } from '../../src/main/files/model-file';
import { openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import { TraceFile } from '../../src/main/traces/trace-file';
import { defined } from '../../src/shared/base/assert';
import type { CollectingSink } from '../gpu/gpu-fixture';
import { runOnGpu, silent } from '../gpu/gpu-fixture';
import { sharedPath, tinyModelPath } from '../helpers/shared-files';
import { PLANTED_BUGS } from './planted-bugs';

interface Model {
  readonly path: string;
  readonly tokens: readonly number[];
}

const TINY: Model = { path: tinyModelPath(), tokens: [1, 7, 300, 21, 5] };
/** Larger, and of other formats: once in a while is enough, the wizard runs some of these bugs on it every day. */
const SMOLLM2: Model = { path: sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf'), tokens: [504, 3575] };
const MODELS = process.env['QUARREL_FULL'] === '1' ? [TINY, SMOLLM2] : [TINY];

/** Keys whose results differ in any bit, in graph order. */
function changedKeys(a: CollectingSink, b: CollectingSink): string[] {
  return [...a.results.keys()].filter((key) => !a.get(key).every((x, i) => Object.is(x, b.get(key)[i])));
}

describe.each(MODELS.map((model) => [path.basename(model.path), model] as const))(
  'planted bugs on %s',
  (name, model) => {
    describe.skipIf(!fs.existsSync(model.path))('captured from llama.cpp', () => {
      let folder: string;
      let weights: ModelFile;
      let captured: TraceFile;
      let right: CollectingSink;
      beforeAll(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-planted-'));
        const out = path.join(folder, 'captured.safetensors');
        await captureTrace({ modelPath: model.path, tokens: model.tokens, threads: 1, out }, silent());
        captured = TraceFile.open(out);
        weights = openModel(model.path);
        right = await run();
      });
      afterAll(() => {
        captured.dispose();
        weights.dispose();
        fs.rmSync(folder, { recursive: true, force: true });
      });

      async function run(overlay?: string): Promise<CollectingSink> {
        const lane = await openNodeWebGpuLane(overlay);
        try {
          const graph = defined(captured.manifest?.graph, 'the captured graph');
          return await runOnGpu(lane, { graph, weights, captured });
        } finally {
          await lane.dispose();
        }
      }

      const bugs = PLANTED_BUGS.filter((bug) => bug.first[name] !== undefined && bug.step === undefined);
      it.each(bugs.map((bug) => [bug.name, bug] as const))('%s changes the named node first', async (_name, bug) => {
        const changed = changedKeys(right, await run(bug.folder));
        expect(changed[0]).toBe(bug.first[name]);
        expect(changed).toContain('result_output');
      });
    });
  },
);
