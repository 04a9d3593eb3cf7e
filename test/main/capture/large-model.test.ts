import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { silent, temporaryFolder } from './capture-fixture';
import type { ModelShape } from './tiny-model';
import { modelSpec, TINY, wave, writeModel, writeSplitModel } from './tiny-model';

const folder = temporaryFolder();
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The shape of a 7B llama: 3.5 GiB, of which the file, being holes, takes nothing on disk. */
const SEVEN_B: ModelShape = {
  arch: 'llama',
  hidden: 4096,
  heads: 32,
  ffn: 11008,
  layers: 32,
  vocabulary: 32000,
  matrixType: 'Q4_K',
};

describe.skipIf(process.platform === 'win32')('capture of a 7B model', () => {
  it('of one layer keeps far below 1 GB resident', async () => {
    const modelPath = path.join(folder, '7b.gguf');
    writeModel(modelPath, modelSpec(SEVEN_B));
    expect(fs.statSync(modelPath).size).toBeGreaterThan(3.4 * 2 ** 30);
    for (const layer of [0, 3]) {
      const out = path.join(folder, `layer-${layer}.safetensors`);
      const layers = { from: layer, to: layer };
      const r = await captureTrace({ modelPath, tokens: [1, 2, 3, 4, 5], layers, out }, silent());
      expect(r.complete).toBe(false);
      expect(r.peakMemoryBytes).toBeLessThan(0.5 * 2 ** 30);
    }
  });
});

describe('capture of a model in parts', () => {
  it('sees the weights of every part, and the same values as from one file', async () => {
    const spec = modelSpec(TINY);
    const whole = path.join(folder, 'whole.gguf');
    writeModel(whole, spec, wave);
    const first = writeSplitModel(path.join(folder, 'parts'), spec, wave);
    const request = { tokens: [1, 2, 3] };
    const a = await captureTrace({ ...request, modelPath: whole, out: path.join(folder, 'a') }, silent());
    const b = await captureTrace({ ...request, modelPath: first, out: path.join(folder, 'b') }, silent());
    expect(b.graph).toEqual(a.graph);
    expect(
      a.graph.tensors
        .filter((t) => t.role === 'weight')
        .map((t) => t.name)
        .sort(),
    ).toEqual(spec.tensors.map((t) => t.name).sort());
    const [ta, tb] = [TraceFile.open(a.tracePath), TraceFile.open(b.tracePath)];
    for (const key of ta.entries.keys()) expect(tb.readRaw(key), key).toEqual(ta.readRaw(key));
    ta.dispose();
    tb.dispose();
    const second = first.replace('00001-of', '00002-of');
    await expect(
      captureTrace({ ...request, modelPath: second, out: path.join(folder, 'c') }, silent()),
    ).rejects.toThrow(/is one of 2 parts of a model: name the first/);
  });
});
