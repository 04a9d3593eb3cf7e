import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import type { CaptureRequest, CaptureResult } from '../../../src/main/capture/capture';
import { captureTrace } from '../../../src/main/capture/capture';
import { projectRoot } from '../../../src/main/entry-path';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { elementCount, isComputing, memoryOwner } from '../../../src/shared/graph/graph';
import { ARCH_MODELS, modelTable, SMOLLM2 } from '../../helpers/shared-models';
import { PROMPT, silent, TINY_MODEL, temporaryFolder } from './capture-fixture';

const folder = temporaryFolder();
const traces = path.join(projectRoot(), '..', 'shared', 'traces');
const sample = path.join(traces, 'sample.Q4_K_M.gguf');
const ARCH_TOKENS = [1, 17, 5, 99, 42, 7];

let count = 0;
async function capture(request: Omit<CaptureRequest, 'out'>): Promise<CaptureResult & { readonly trace: TraceFile }> {
  const result = await captureTrace({ ...request, out: path.join(folder, `${count++}.safetensors`) }, silent());
  const trace = TraceFile.open(result.tracePath);
  open.push(trace);
  return { ...result, trace };
}
const open: TraceFile[] = [];

/** The tiny model's whole capture, made once. */
function tinyModel(): ReturnType<typeof capture> {
  whole ??= capture({ modelPath: TINY_MODEL, prompt: PROMPT });
  return whole;
}
let whole: ReturnType<typeof capture> | undefined;

afterAll(() => {
  for (const trace of open) trace.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

const computingKeys = (r: CaptureResult): string[] =>
  r.graph.tensors.filter((t) => isComputing(r.graph, t)).map((t) => t.key);

describe('capture of the tiny model', () => {
  it('shows every tensor once, sources before users, and stores each result and input', async () => {
    const r = await tinyModel();
    const { tensors, order } = r.graph;
    expect(r.complete).toBe(true);
    expect(tensors.map((t) => t.id)).toEqual(tensors.map((_, i) => i));
    expect(new Set(tensors.map((t) => t.key)).size).toBe(tensors.length);
    for (const t of tensors) {
      for (const source of t.src) if (source !== undefined) expect(source).toBeLessThan(t.id);
      if (t.viewSrc !== undefined) expect(tensors[t.viewSrc]!.viewSrc).toBeUndefined();
    }
    expect(order.map((id) => tensors[id]!.role)).toEqual(order.map(() => 'node'));
    const inputs = tensors.filter((t) => t.role === 'input').map((t) => t.key);
    expect([...r.trace.entries.keys()].sort()).toEqual([...computingKeys(r), ...inputs].sort());
    for (const t of tensors) {
      const entry = r.trace.entries.get(t.key);
      if (entry) expect(entry.shape.reduce((a, b) => a * b, 1)).toBe(elementCount(t.ne));
    }
  });

  it('keeps tokens, positions and the causal mask as inputs, the KV cache as state', async () => {
    const r = await tinyModel();
    const ints = (key: string): number[] => Array.from(new Int32Array(r.trace.readRaw(key).buffer));
    expect(ints('leaf:inp_tokens')).toEqual([...r.tokens]);
    const rope = r.graph.tensors.find((t) => t.op === 'ROPE')!;
    expect(ints(r.graph.tensors[rope.src[1]!]!.key)).toEqual([0, 1, 2, 3, 4]);
    const mask = r.trace.readF32('leaf:attn_inp_kq_mask');
    const kv = mask.length / 5;
    for (let q = 0; q < 5; q++) {
      for (let k = 0; k < kv; k++) expect(mask[q * kv + k]).toBe(k <= q ? 0 : -Infinity);
    }
    const state = r.graph.tensors.filter((t) => t.role === 'state').map((t) => t.name);
    expect(state.sort()).toEqual([0, 1, 2, 3, 4, 5].flatMap((i) => [`cache_k_l${i}`, `cache_v_l${i}`]).sort());
    const writes = r.graph.tensors.filter((t) => t.op === 'SET_ROWS');
    expect(writes.map((t) => memoryOwner(r.graph, t).role)).toEqual(writes.map(() => 'state'));
  });

  it('tokenizes the prompt and names the tokens', async () => {
    const r = await tinyModel();
    expect(r.pieces).toEqual(['The', ' capital', ' of', ' France', ' is']);
    expect(r.trace.tokens).toEqual(r.tokens);
    expect(r.trace.manifest?.pieces).toEqual(r.pieces);
    expect(r.trace.manifest?.provenance['library']).toMatch(/^llama\.cpp 0\.4\./);
  });

  it('does not depend on the number of threads', async () => {
    const one = await capture({ modelPath: TINY_MODEL, prompt: PROMPT, threads: 1 });
    const three = await capture({ modelPath: TINY_MODEL, prompt: PROMPT, threads: 3 });
    expect([...one.trace.entries.keys()]).toEqual([...three.trace.entries.keys()]);
    for (const key of one.trace.entries.keys()) {
      expect(Buffer.compare(one.trace.readRaw(key), three.trace.readRaw(key)), key).toBe(0);
    }
  });

  it('measures the time of every node that computes', async () => {
    const r = await tinyModel();
    const timings = r.trace.manifest?.timings ?? {};
    expect(Object.keys(timings).sort()).toEqual(computingKeys(r).sort());
    for (const us of Object.values(timings)) expect(us).toBeGreaterThan(0);
  });

  it('stores one layer with what it reads, and stops after it', async () => {
    const all = await tinyModel();
    const part = await capture({ modelPath: TINY_MODEL, prompt: PROMPT, layers: { from: 2, to: 3 } });
    expect(part.complete).toBe(false);
    expect(part.topLogits).toBeUndefined();
    const stored = [...part.trace.entries.keys()].filter((k) => !k.startsWith('leaf:'));
    const wanted = computingKeys(all).filter((k) => /-[23](#\d+)?$/.test(k));
    expect(stored.sort()).toEqual([...wanted, 'l_out-1'].sort());
    for (const key of stored) expect(part.trace.readRaw(key)).toEqual(all.trace.readRaw(key));
    expect(part.graph.tensors.some((t) => t.name === 'l_out-4')).toBe(false);
  });
});

describe.skipIf(!fs.existsSync(sample))("capture against ../shared/traces' dumps", () => {
  it('has exactly the keys of an engine under test, and its values', async () => {
    const r = await capture({ modelPath: sample, tokens: [1, 7, 300, 21, 5] });
    const dump = TraceFile.open(path.join(traces, 'right-repacked-weights.safetensors'));
    open.push(dump);
    expect(computingKeys(r).sort()).toEqual([...dump.entries.keys()].sort());
    for (const key of dump.entries.keys()) {
      const theirs = dump.readF32(key);
      // The dump holds only the last token's row from the last layer's attention on.
      const ours = r.trace.readF32(key).slice(-theirs.length);
      let [error, energy] = [0, 0];
      theirs.forEach((v, i) => {
        error += (ours[i]! - v) ** 2;
        energy += v ** 2;
      });
      // Another CPU kernel on equal Q8 activations: only the order of additions differs.
      expect(error / energy, key).toBeLessThan(1e-7);
    }
  });
});

describe.skipIf(!fs.existsSync(SMOLLM2))('capture of SmolLM2', () => {
  it('predicts " Paris" with the known logit, which is the captured result_output', async () => {
    const r = await capture({ modelPath: SMOLLM2, prompt: PROMPT });
    expect(r.tokens).toEqual([504, 3575, 282, 4649, 314]);
    expect(r.topLogits?.[0]).toMatchObject({ token: 7042, text: ' Paris' });
    expect(r.topLogits?.[0]?.logit).toBeCloseTo(17.344, 3);
    expect(r.topLogits?.[1]).toMatchObject({ token: 260, text: ' the' });
    const output = r.trace.readF32('result_output');
    expect(output.length).toBe(5 * r.vocabSize);
    const last = output.subarray(4 * r.vocabSize);
    for (const { token, logit } of r.topLogits ?? []) expect(last[token]).toBe(logit);
    expect(Math.max(...last)).toBe(r.topLogits?.[0]?.logit);
  });

  it('streams: memory grows with the largest result, not with the trace', async () => {
    const short = await capture({ modelPath: SMOLLM2, tokens: Array.from({ length: 4 }, (_, i) => 500 + i) });
    const long = await capture({ modelPath: SMOLLM2, tokens: Array.from({ length: 24 }, (_, i) => 500 + i) });
    const traceBytes = fs.statSync(long.tracePath).size;
    expect(traceBytes).toBeGreaterThan(50e6);
    // Five copies of the logits are alive at once (ggml's, llama.cpp's output, ours, the statistics', garbage): 0.5 of
    // the trace. Had the results been kept, it would be all of the trace on top.
    expect(long.peakMemoryBytes - short.peakMemoryBytes).toBeLessThan(0.8 * traceBytes);
  });
});

describe.skipIf(ARCH_MODELS.length === 0)('capture of other architectures', () => {
  it.each(modelTable(ARCH_MODELS))('%s', async (_name, modelPath) => {
    const r = await capture({ modelPath, tokens: ARCH_TOKENS });
    expect(r.trace.manifest?.notMeasured).toEqual([]);
    for (const key of computingKeys(r)) expect(r.trace.entries.has(key), key).toBe(true);
    const output = r.trace.readF32('result_output');
    expect(output.length).toBe(ARCH_TOKENS.length * r.vocabSize);
    const last = output.subarray(-r.vocabSize);
    for (const { token, logit } of r.topLogits ?? []) expect(last[token]).toBe(logit);
    expect(r.topLogits).toHaveLength(10);
    expect(r.pieces).toBeUndefined();
  });
});
