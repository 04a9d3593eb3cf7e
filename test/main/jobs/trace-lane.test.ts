import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Engines } from '../../../src/main/jobs/produce-trace';
import type { TraceLaneRequest } from '../../../src/main/jobs/trace-lane';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import type { TraceFile } from '../../../src/main/traces/trace-file';
import { Control } from '../../../src/shared/base/control';
import { nmseOf } from '../../../src/shared/compare/metrics';
import { isComputing, layerOf } from '../../../src/shared/graph/graph';
import { splitStepKey, stepsOf, stepView } from '../../../src/shared/trace/steps';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';
import { SMOLLM2 } from '../../helpers/shared-models';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const control = (): Control => new Control(() => undefined);
const PROMPT = { kind: 'tokens', tokens: [1, 7, 300, 21, 5] } as const;

let folder: string;
const open: TraceFile[] = [];
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trace-lane-test-'));
});
afterAll(() => {
  for (const file of open) file.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function trace(request: Partial<TraceLaneRequest>): Promise<TraceFile> {
  const out = path.join(folder, `${open.length}.safetensors`);
  const whole = { modelPath: tinyModelPath(), prompt: PROMPT, lane: { kind: 'reference' }, out, ...request } as const;
  const file = await traceLane(whole, noGpu, control());
  open.push(file);
  return file;
}

const keysOf = (t: TraceFile): string[] => [...t.entries.keys()].filter((key) => !key.includes('leaf:'));

/** The last token's row at the last node of a step. */
function lastRow(t: TraceFile, step: number): Float32Array {
  const values = stepView(t, step).readF32('result_output');
  const tokens = step === 0 ? t.tokens.length : 1;
  return values.subarray(values.length - values.length / tokens);
}

describe('decode steps', () => {
  it('run on the cache as one prefill of all tokens would, on llama.cpp and on the reference', async () => {
    const stepped = { steps: { count: 3, tokens: [42, 8, 99] } };
    const tokens = [...PROMPT.tokens, 42, 8, 99];
    for (const lane of [{ kind: 'llama', device: 'cpu' }, { kind: 'reference' }] as const) {
      const t = await trace({ lane, ...stepped });
      const whole = await trace({ lane, prompt: { kind: 'tokens', tokens } });
      expect(t.stepTokens).toEqual([[42], [8], [99]]);
      const all = whole.readF32('result_output');
      const width = all.length / tokens.length;
      for (let step = 0; step <= 3; step++) {
        const row = PROMPT.tokens.length - 1 + step;
        // llama.cpp rounds the activations of one row and of several alike; kernels for one row sum in another order
        expect(nmseOf(all.subarray(row * width, (row + 1) * width), lastRow(t, step))).toBeLessThan(1e-10);
      }
    }
  });

  it('choose greedily where no tokens are given, each lane by its own logits', async () => {
    const t = await trace({ steps: { count: 4 } });
    for (let step = 0; step < 4; step++) {
      const logits = lastRow(t, step);
      expect(t.stepTokens[step]).toEqual([logits.indexOf(Math.max(...logits))]);
    }
    expect(stepsOf(t)).toBe(4);
  });

  it('are graphs of their own in the trace, equal ones kept once', async () => {
    const t = await trace({ lane: { kind: 'llama', device: 'cpu' }, steps: { count: 3 } });
    const steps = t.manifest!.steps!;
    expect(steps.map((s) => [s.past, s.graph !== undefined, s.sameGraphAs])).toEqual([
      [5, true, undefined],
      [6, false, 1],
      [7, false, 1],
    ]);
    const step = stepView(t, 2);
    const { graph } = step.manifest!;
    const computing = graph!.tensors.filter((n) => isComputing(graph!, n)).map((n) => n.key);
    expect([...step.entries.keys()].filter((key) => !key.startsWith('leaf:'))).toEqual(computing);
    expect(step.readF32('leaf:inp_tokens')).toEqual(Float32Array.from(t.stepTokens[1]!));
    expect(Object.keys(step.manifest!.stats).sort()).toEqual([...step.entries.keys()].sort());
    expect(keysOf(t).filter((key) => splitStepKey(key).step === 2)).toHaveLength(computing.length);
  });

  it('refuse a token that is out of the vocabulary', async () => {
    await expect(trace({ steps: { count: 2, tokens: [400_000, 1] } })).rejects.toThrow(/400000.*out of the vocabulary/);
  });
});

describe('a part of the graph', () => {
  it('--stop-after: nothing after the node, the same bits before it', async () => {
    const whole = await trace({});
    const part = await trace({ stopAfter: 'ffn_norm-2' });
    expect(keysOf(part).at(-1)).toBe('ffn_norm-2');
    expect(keysOf(part)).toEqual(keysOf(whole).slice(0, keysOf(part).length));
    for (const key of keysOf(part)) expect(part.readRaw(key), key).toEqual(whole.readRaw(key));
    await expect(trace({ stopAfter: 'ffn_norm-99' })).rejects.toThrow(/no node "ffn_norm-99".*it has ffn_norm-0/);
  });

  it('--layers: those layers alone, on what llama.cpp left before them', async () => {
    const llama = await trace({ lane: { kind: 'llama', device: 'cpu' } });
    const part = await trace({ layers: { from: 2, to: 3 } });
    expect(new Set(keysOf(part).map((key) => layerOf(key)))).toEqual(new Set([2, 3]));
    expect(keysOf(part)).toContain('l_out-3');
    expect(nmseOf(llama.readF32('norm-2#0'), part.readF32('norm-2#0'))).toBeLessThan(1e-13);
    // two layers from equal inputs differ less than four
    const whole = await trace({});
    const error = (t: TraceFile): number => nmseOf(llama.readF32('l_out-3'), t.readF32('l_out-3'));
    expect(error(part)).toBeLessThan(error(whole));
  });

  it('--layers with decode steps carries the cache of those layers', async () => {
    const steps = { count: 2, tokens: [42, 8] };
    const whole = await trace({ steps });
    const part = await trace({ steps, layers: { from: 0, to: 1 } });
    for (const key of ['l_out-1', 'step1/l_out-1', 'step2/l_out-1']) {
      // its layer 0 starts from llama.cpp's embedding, which is exact
      expect(part.readRaw(key), key).toEqual(whole.readRaw(key));
    }
    expect(keysOf(part)).not.toContain('step2/l_out-2');
  });
});

describe('weights as they are read', () => {
  it('f32 changes no bit of the exact reference, which decodes exactly; f16 rounds each weight once', async () => {
    const asIs = await trace({});
    const f32 = await trace({ access: { precision: 'f32', streamed: false } });
    const f16 = await trace({ access: { precision: 'f16', streamed: false } });
    expect(keysOf(f32)).toEqual(keysOf(asIs));
    for (const key of keysOf(asIs)) expect(f32.readRaw(key), key).toEqual(asIs.readRaw(key));
    const error = nmseOf(asIs.readF32('Qcur-0#0'), f16.readF32('Qcur-0#0'));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(2 ** -22);
  });

  it('streamed from the file instead of its mapping, they are the same', async () => {
    const [mapped, streamed] = [await trace({}), await trace({ access: { precision: 'as-is', streamed: true } })];
    for (const key of keysOf(mapped)) expect(streamed.readRaw(key), key).toEqual(mapped.readRaw(key));
  });
});

describe.skipIf(!fs.existsSync(sharedPath('models/archs')))('recurrent models', () => {
  it.each(['mamba-dense', 'mamba2-dense', 'granitehybrid-dense', 'qwen3next-moe'])(
    '%s carries its state from step to step',
    async (name) => {
      const modelPath = sharedPath(`models/archs/${name}.Q4_K_M.gguf`);
      const tokens = [1, 17, 5, 99];
      const t = await trace({ modelPath, prompt: { kind: 'tokens', tokens }, steps: { count: 2, tokens: [42, 7] } });
      const whole = await trace({ modelPath, prompt: { kind: 'tokens', tokens: [...tokens, 42, 7] } });
      const all = whole.readF32('result_output');
      const width = all.length / 6;
      expect(nmseOf(all.subarray(5 * width), stepView(t, 2).readF32('result_output'))).toBeLessThan(1e-8);
    },
  );
});

describe.skipIf(!fs.existsSync(SMOLLM2))('SmolLM2', () => {
  /** PyTorch in f32 with the same weights and no KV cache (../shared/README.md); the whole list in `test:full`. */
  const PYTORCH = [
    7042, 30, 198, 198, 504, 2988, 314, 42, 216, 34, 32, 33, 40, 29, 32, 33, 29, 34, 34, 216, 33, 34, 42,
  ];
  const REST = [33, 34, 42, 37, 35, 30, 2, 198, 1];
  const expected = process.env['QUARREL_FULL'] === '1' ? [...PYTORCH, ...REST] : PYTORCH.slice(0, 8);

  it('says on the reference what PyTorch says in f32', { timeout: 120_000 }, async () => {
    const t = await trace({
      modelPath: SMOLLM2,
      prompt: { kind: 'prompt', text: 'The capital of France is' },
      steps: { count: expected.length },
    });
    expect(t.stepTokens.flat()).toEqual(expected);
  });
});
