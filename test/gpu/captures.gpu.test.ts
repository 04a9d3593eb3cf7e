import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureTrace } from '../../src/main/capture/capture';
import { openModel } from '../../src/main/files/model-file';
import { createReferenceLane } from '../../src/main/lanes/reference-lane';
import { openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import { TraceFile } from '../../src/main/traces/trace-file';
import { defined } from '../../src/shared/base/assert';
import type { GraphLane } from '../../src/shared/divergence/lane';
import { sharedPath, tinyModelPath } from '../helpers/shared-files';
import { nmse, runOnGpu, silent } from './gpu-fixture';

/** Kernels and reference differ by f32 rounding alone, in sums of some hundred products. */
const LOCAL_BOUND = 1e-13;

let lane: GraphLane;
let folder: string;
beforeAll(async () => {
  lane = await openNodeWebGpuLane();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-gpu-test-'));
});
afterAll(async () => {
  await lane.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

interface Model {
  readonly path: string;
  readonly tokens: readonly number[];
}

const arch = (name: string): Model => ({
  path: sharedPath(`models/archs/${name}.gguf`),
  tokens: [1, 17, 5, 99, 42, 7],
});

const MODELS: readonly Model[] = [
  { path: tinyModelPath(), tokens: [264, 277, 266, 331, 261] },
  arch('llama-dense.F32'),
  arch('gemma-dense.Q4_K_M'),
  arch('phi3-dense.Q4_K_M'),
  arch('qwen3-dense.Q4_K_M'),
  arch('falcon-dense.Q4_K_M'),
  { path: sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf'), tokens: [504, 3575, 282, 4649, 314] },
];

describe.each(MODELS.map((model) => [path.basename(model.path), model] as const))('%s', (name, model) => {
  it.skipIf(!fs.existsSync(model.path))(
    'computes every node of the captured graph as the exact reference',
    async () => {
      const out = path.join(folder, `${name}.safetensors`);
      await captureTrace({ modelPath: model.path, tokens: model.tokens, threads: 1, out }, silent());
      const captured = TraceFile.open(out);
      const weights = openModel(model.path);
      const reference = createReferenceLane();
      const graph = defined(captured.manifest?.graph, 'the captured graph');
      const scene = { graph, weights, captured, mode: { kind: 'seeded', seed: captured } } as const;
      const [gpu, exact] = [await runOnGpu(lane, scene), await runOnGpu(reference, scene)];
      await reference.dispose();
      captured.dispose();
      weights.dispose();

      expect(gpu.missing).toEqual([]);
      expect([...gpu.results.keys()]).toEqual([...exact.results.keys()]);
      const bad = [...gpu.results.keys()]
        .map((key) => [key, nmse(gpu.get(key), exact.get(key))] as const)
        .filter(([, error]) => !(error <= LOCAL_BOUND));
      expect(bad).toEqual([]);
    },
  );
});
