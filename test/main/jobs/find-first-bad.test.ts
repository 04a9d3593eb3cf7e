import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { readNameMap } from '../../../src/main/jobs/produce-trace';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import { CancelledError } from '../../../src/shared/base/errors';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { isComputing } from '../../../src/shared/graph/graph';
import type { Graph } from '../../../src/shared/graph/graph';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';
import { runFolders } from '../../helpers/temporary-folders';
import { SMOLLM2 } from '../../helpers/shared-models';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const control = (): Control => new Control(() => undefined);

function bisect(
  modelPath: string,
  candidate: string,
  options: { tokens?: readonly number[]; map?: string; expect?: string; minLogit?: number } = {},
): Promise<Verdict> {
  const { tokens = [1, 7, 300, 21, 5], map, ...rest } = options;
  const request = {
    modelPath,
    prompt: { kind: 'tokens', tokens } as const,
    reference: 'llama',
    candidate,
    ...rest,
    ...(map === undefined ? {} : { map: readNameMap(map) }),
  };
  return findFirstBad(request, noGpu, control());
}

const model = tinyModelPath();
let folder: string;
let captured: TraceFile;
let graph: Graph;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bisect-test-'));
  const out = path.join(folder, 'captured.safetensors');
  const result = await captureTrace({ modelPath: model, tokens: [1, 7, 300, 21, 5], out }, control());
  captured = TraceFile.open(out);
  graph = result.graph;
});
afterAll(() => {
  captured.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** llama.cpp's own results as somebody's dump, with some nodes left out and some values changed. */
function dump(name: string, change: (key: string, values: Float32Array) => Float32Array | undefined): string {
  const out = path.join(folder, `${name}.safetensors`);
  const writer = TraceWriter.create(out);
  for (const id of graph.order) {
    const t = graph.tensors[id]!;
    if (!isComputing(graph, t)) continue;
    const values = change(t.key, captured.readF32(t.key));
    if (values) writer.write(t.key, 'F32', t.ne, values);
  }
  writer.finish({ engine: name, model, tokens: captured.tokens });
  return `trace:${out}`;
}

describe('bisect on the tiny model', () => {
  it('calls llama.cpp against itself and the exact reference clean', async () => {
    const same = await bisect(
      model,
      dump('same', (_key, values) => values),
    );
    expect(same).toMatchObject({ verdict: 'clean', firstBad: null, logits: { sameTop: true, kld: 0 } });
    expect(same.notMeasured).toEqual([]);
    const reference = await bisect(model, 'reference');
    expect(reference).toMatchObject({ verdict: 'clean', firstBad: null, notMeasured: [] });
    expect(reference.compared).toBe(same.compared);
  });

  it('names a node that is wrong by itself, not those that inherit its error', async () => {
    const verdict = await bisect(
      model,
      dump('scaled', (key, values) => (key === 'ffn_norm-2' ? values.map((v) => v * 1.001) : values)),
    );
    expect(verdict.verdict).toBe('diverged');
    // The nodes after ffn_norm-2 read the dump's own ffn_norm-2; llama.cpp's results do not follow from it.
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_norm-2', layer: 2, op: 'MUL', stretch: [] });
  });

  it('names the stretch where the wrong node is not dumped', async () => {
    const verdict = await bisect(
      model,
      dump('sparse', (key, values) => {
        if (/^(norm|attn_norm|Qcur|Kcur|Vcur|kq|kq_soft_max|kqv)-1(#\d)?$/.test(key)) return undefined;
        return key === 'kqv_out-1' ? values.map((v, i) => (i % 7 === 0 ? -v : v)) : values;
      }),
    );
    expect(verdict.firstBad?.node).toBe('kqv_out-1');
    expect(verdict.firstBad?.stretch).toContain('kq_soft_max-1');
    expect(verdict.notMeasured.map((n) => n.node)).toContain('Qcur-1#0');
  });

  it('does not ask for scores that the mask hides, and sees the others', async () => {
    const keys = graph.tensors.find((t) => t.key === 'kq-0')!.ne[0];
    const tokens = captured.tokens.length;
    const changed = (change: (key: number, row: number) => boolean) => (key: string, values: Float32Array) =>
      key.startsWith('kq-') ? values.map((v, i) => (change(i % keys, Math.floor(i / keys) % tokens) ? 7 : v)) : values;
    const causal = await bisect(
      model,
      dump(
        'causal',
        changed((key, row) => key > row),
      ),
    );
    expect(causal).toMatchObject({ verdict: 'clean', firstBad: null });
    const wrong = await bisect(
      model,
      dump(
        'diagonal',
        changed((key, row) => key === row),
      ),
    );
    expect(wrong.firstBad).toMatchObject({ node: 'kq-0' });
  });

  it('judges NaN first and gives its coordinate', async () => {
    const verdict = await bisect(
      model,
      dump('nan', (key, values) => (key === 'Vcur-3' ? values.map((v, i) => (i === 130 ? NaN : v)) : values)),
    );
    expect(verdict.firstBad).toMatchObject({ node: 'Vcur-3', tensor: 'blk.3.attn_v.weight' });
    expect(verdict.nonFinite).toEqual({ step: 0, node: 'Vcur-3', index: [2, 1, 0, 0] });
  });

  it('checks the expected token on both lanes', async () => {
    const same = dump('expect', (_key, values) => values);
    const best = (await bisect(model, same)).logits.reference!;
    const met = await bisect(model, same, { expect: String(best.token), minLogit: best.logit - 0.01 });
    expect(met.expectation).toMatchObject({ reference: true, candidate: true });
    const missed = await bisect(model, same, { minLogit: best.logit + 1 });
    expect(missed.expectation).toMatchObject({ reference: false, candidate: false });
  });

  it('refuses a dump of other tokens and one without any known node', async () => {
    const same = dump('other', (_key, values) => values);
    await expect(bisect(model, same, { tokens: [1, 2] })).rejects.toThrow(/made from tokens 1,7,300,21,5/);
    const foreign = path.join(folder, 'foreign.safetensors');
    const writer = TraceWriter.create(foreign);
    writer.write('layers.0.q', 'F32', [1, 1, 1, 1], new Float32Array(1));
    writer.finish({ engine: 'x', model, tokens: [] });
    await expect(bisect(model, `trace:${foreign}`)).rejects.toThrow(/none of its 1 checkpoints .* --map/);
  });

  it('stops when cancelled and leaves no temporary folder', async () => {
    const before = runFolders();
    const stopped = new Control((p) => {
      if (p.stage.startsWith('judge')) stopped.cancel();
    });
    const request = {
      modelPath: model,
      prompt: { kind: 'tokens', tokens: [1, 7, 300] } as const,
      reference: 'llama',
      candidate: 'reference',
    };
    await expect(findFirstBad(request, noGpu, stopped)).rejects.toThrow(CancelledError);
    expect(runFolders()).toEqual(before);
  });
});

const traces = sharedPath('traces');
const sample = path.join(traces, 'sample.Q4_K_M.gguf');
const archs = sharedPath('models/archs');

describe.skipIf(!fs.existsSync(sample))('dumps of other engines in ../shared/traces', () => {
  it.each([
    ['wrong-q4k-scale-high-bits', 'Qcur-0#0', 'MUL_MAT', 'blk.0.attn_q.weight', 'k-scale-high-bits'],
    ['wrong-rope-neox', 'Qcur-0#1', 'ROPE', null, 'rope-pairing'],
  ])('%s is named at %s', async (name, node, op, tensor, cause) => {
    const verdict = await bisect(sample, `trace:${path.join(traces, name)}.safetensors`);
    expect(verdict.firstBad).toMatchObject({ layer: 0, node, op, tensor, stretch: [], cause: { id: cause } });
    expect(verdict.cause).toMatchObject({ id: cause, nodes: [node] });
    expect(verdict.cause?.explained).toBeGreaterThan(0.9999);
    // a kernel is wrong wherever it runs: every independently bad node has that cause
    expect(new Set(verdict.allBad.map((bad) => bad.cause?.id))).toEqual(new Set([cause]));
  });

  it('right-repacked-weights is clean', async () => {
    const verdict = await bisect(sample, `trace:${path.join(traces, 'right-repacked-weights.safetensors')}`);
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
  });

  it.skipIf(!fs.existsSync(archs))('an f32 engine is clean where inner nodes differ from llama.cpp', async () => {
    const verdict = await bisect(
      path.join(archs, 'qwen3-dense.Q4_K_M.gguf'),
      `trace:${path.join(traces, 'qwen3-dense-f32-engine-right.safetensors')}`,
      { tokens: [1, 17, 5, 99, 42, 7] },
    );
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
  });

  describe.skipIf(!fs.existsSync(SMOLLM2))('PyTorch on SmolLM2, by a name map', () => {
    const tokens = [504, 3575, 282, 4649, 314];
    const map = path.join(traces, 'transformers-llama.map.json');
    it('in f16 is clean', async () => {
      const trace = `trace:${path.join(traces, 'smollm2-transformers-f16-right.safetensors')}`;
      const verdict = await bisect(SMOLLM2, trace, { tokens, map, expect: ' Paris', minLogit: 17 });
      expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
      expect(verdict.expectation).toMatchObject({ reference: true, candidate: true });
    });
    // without the attention scale: test/main/repro/repro.test.ts
  });
});

describe.skipIf(!fs.existsSync(archs))('architectures of ../shared/models/archs', () => {
  it.each(['llama-dense', 'qwen2-dense', 'qwen3-dense', 'gemma-dense', 'phi3-dense'])(
    '%s: the reference is clean and nothing is left unmeasured',
    async (name) => {
      const verdict = await bisect(path.join(archs, `${name}.Q4_K_M.gguf`), 'reference', {
        tokens: [1, 17, 5, 99, 42, 7],
      });
      expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null, notMeasured: [] });
    },
  );
});
