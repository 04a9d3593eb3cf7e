import fs from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Engines } from '../../../src/main/jobs/produce-trace';
import type { TraceLaneRequest } from '../../../src/main/jobs/trace-lane';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import { replayRepro } from '../../../src/main/repro/replay-repro';
import type { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import { neOfShape } from '../../../src/shared/trace/safetensors';
import { CROSS_KEYS, crossKeys, expectedCrossKeys } from '../../helpers/cross-attention';
import { writeEncoderDecoder } from '../../helpers/encoder-decoder';
import { temporaryFolder } from '../capture/capture-fixture';
import { reproOf } from '../repro/repro-fixture';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const PROMPT = { kind: 'tokens', tokens: [1, 7, 30] } as const;
const STEPS = { count: 2, tokens: [0, 39] };

let folder: string;
let model: string;
const open: TraceFile[] = [];
beforeAll(() => {
  folder = temporaryFolder();
  model = path.join(folder, 't5.gguf');
  writeEncoderDecoder(model);
});
afterAll(() => {
  for (const file of open) file.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function trace(request: Partial<TraceLaneRequest>): Promise<TraceFile> {
  const out = path.join(folder, `${open.length}.safetensors`);
  const whole = {
    modelPath: model,
    prompt: PROMPT,
    steps: STEPS,
    lane: { kind: 'reference' },
    out,
    ...request,
  } as const;
  const file = await traceLane(whole, noGpu, new Control(() => undefined));
  open.push(file);
  return file;
}

const keysOf = (t: TraceFile): string[] => [...t.entries.keys()].filter((key) => !key.includes('leaf:'));

describe('an encoder-decoder', () => {
  it('marks what its encoder leaves, in the graphs of both', async () => {
    const { graph, steps } = (await trace({ lane: { kind: 'llama', device: 'cpu' } })).manifest!;
    const carried = (g: typeof graph): string[] => g!.tensors.filter((t) => t.carried).map((t) => `${t.role} ${t.key}`);
    expect(carried(graph)).toEqual(['node result_norm']);
    expect(carried(steps![0]!.graph)).toHaveLength(1);
    expect(carried(steps![0]!.graph)[0]).toMatch(/^input leaf:/);
  });

  it("runs its decoder on the reference's own encoder output", async () => {
    const llama = await trace({ lane: { kind: 'llama', device: 'cpu' } });
    const own = await trace({});
    for (const step of [1, 2]) {
      expect(crossKeys(own, step)).toEqual(expectedCrossKeys(model, own));
      // llama.cpp's output differs in the last bits, and so does what follows from it
      expect(crossKeys(own, step)).not.toEqual(expectedCrossKeys(model, llama));
    }
  });

  it("runs some layers of its decoder on llama.cpp's encoder output, as on all before them", async () => {
    const llama = await trace({ lane: { kind: 'llama', device: 'cpu' } });
    const part = await trace({ layers: { from: 0, to: 0 } });
    expect(crossKeys(part, 1)).toEqual(expectedCrossKeys(model, llama));
  });

  it("keeps the encoder's output of the run in a repro of its decoder", async () => {
    const own = await trace({});
    const dump = path.join(folder, 'wrong-decoder.safetensors');
    const bad = `step1/${CROSS_KEYS}`;
    const writer = TraceWriter.create(dump);
    for (const key of keysOf(own)) {
      const values = own.readF32(key);
      const ne = neOfShape(own.entries.get(key)!.shape)!;
      writer.write(key, 'F32', ne, key === bad ? values.map((x) => 1.5 * x) : values);
    }
    const { steps = [] } = own.manifest!;
    writer.finish({ engine: 'wrong', model, tokens: PROMPT.tokens, steps });
    const repro = path.join(folder, 'repro');
    const request = { modelPath: model, tokens: PROMPT.tokens, stepTokens: STEPS.tokens, steps: STEPS.count };
    const verdict = await reproOf(repro, { ...request, candidate: `trace:${dump}` });
    expect(verdict.firstBad).toMatchObject({ step: 1, node: CROSS_KEYS });
    // from llama.cpp's encoder output the last bits would be others
    const report = await replayRepro({ folder: repro }, noGpu, new Control(() => undefined));
    expect(report.rightNmse).toBe(0);
  });

  it('--stop-after: a node of the decoder alone, of the encoder alone, of a step', async () => {
    const inDecoder = await trace({ stopAfter: 'cross_inp-1' });
    expect(keysOf(inDecoder)).toContain('result_norm');
    expect(inDecoder.stepTokens).toEqual([[0], [39]]);
    for (const step of ['step1/', 'step2/']) {
      expect(
        keysOf(inDecoder)
          .filter((key) => key.startsWith(step))
          .at(-1),
      ).toBe(`${step}cross_inp-1`);
    }
    const inStep = await trace({ stopAfter: 'step1/ffn_norm-0' });
    expect(keysOf(inStep)).toContain('result_norm');
    expect(keysOf(inStep).at(-1)).toBe('step1/ffn_norm-0');
    // the encoder's attention has no cache, so that its names differ
    const inEncoder = await trace({ stopAfter: 'Kcur-1' });
    expect(keysOf(inEncoder).at(-1)).toBe('Kcur-1');
    expect(inEncoder.stepTokens).toEqual([]);
  });

  it('--stop-after refuses a node of the decoder where only the encoder runs', async () => {
    const encoderOnly = trace({ stopAfter: 'cross_inp-1', steps: { count: 0 } });
    await expect(encoderOnly).rejects.toThrow('the graph has no node "cross_inp-1" to stop after');
    await expect(trace({ stopAfter: 'cross_inp-7' })).rejects.toThrow(
      /no node "cross_inp-7".*cross_inp-0, cross_inp-1/,
    );
  });
});
