import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import { Control } from '../../../src/shared/base/control';
import { parseLane } from '../../../src/shared/divergence/lane-spec';
import { tinyModelPath } from '../../helpers/shared-files';
import { modelSpec, TINY, wave, writeModel } from '../capture/tiny-model';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const control = (): Control => new Control(() => undefined);
const prompt = { kind: 'tokens', tokens: [1, 2, 3] } as const;

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fitting-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('what a model cannot answer', () => {
  it('is refused: an expected token where the graph ends in embeddings', async () => {
    const modelPath = path.join(folder, 'embeds.gguf');
    const { metadata, tensors } = modelSpec(TINY);
    const embeds = metadata.map(({ key, ...rest }) => ({ key: key.replace(/^llama\./, 'llama-embed.'), ...rest }));
    const named = embeds.map((m) => (m.key === 'general.architecture' ? { ...m, value: 'llama-embed' } : m));
    writeModel(modelPath, { metadata: named as typeof metadata, tensors }, wave);
    const request = { modelPath, prompt, reference: 'llama', candidate: 'reference' };
    const plain = await findFirstBad(request, noGpu, control());
    expect(plain).toMatchObject({ verdict: 'clean', logits: { reference: null, candidate: null } });
    await expect(findFirstBad({ ...request, expect: '7' }, noGpu, control())).rejects.toThrow(
      '--expect: embeds.gguf gives no logits for the prompt, so there is no next token to check',
    );
    await expect(findFirstBad({ ...request, minLogit: 7 }, noGpu, control())).rejects.toThrow(/^--min-logit: /);
  });

  it('is refused: a placement of layers that it has not', async () => {
    const lane = 'place:0-:reference,40-:reference';
    const message = 'placement 40-:reference: the model has layers 0 to 5';
    const modelPath = tinyModelPath();
    const wizard = findFirstBad({ modelPath, prompt, reference: 'llama', candidate: lane }, noGpu, control());
    await expect(wizard).rejects.toThrow(message);
    const spec = parseLane(lane);
    if (spec.kind === 'trace' || spec.kind === 'cmd') throw new Error('a placement was expected');
    const traced = traceLane({ modelPath, prompt, lane: spec, out: path.join(folder, 'out') }, noGpu, control());
    await expect(traced).rejects.toThrow(message);
  });

  it('is refused: a foreign program as the reference', async () => {
    const request = { modelPath: tinyModelPath(), prompt, reference: 'cmd:engine {out}', candidate: 'reference' };
    await expect(findFirstBad(request, noGpu, control())).rejects.toThrow(/cmd: is for candidates/);
  });
});
