import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureTrace } from '../../../src/main/capture/capture';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { isComputing } from '../../../src/shared/graph/graph';
import { isNumbered } from '../../../src/shared/trace/numbered-names';
import { sharedPath } from '../../helpers/shared-files';

const TOKENS = [1, 17, 5, 99, 42, 7];
const ARCHS = ['llama-dense', 'gemma2-dense', 'granitehybrid-dense'].map((name) => [name, modelOf(name)] as const);

function modelOf(name: string): string {
  return sharedPath(`models/archs/${name}.Q4_K_M.gguf`);
}

const control = (): Control => new Control(() => undefined);

function bisect(modelPath: string, trace: string): Promise<Verdict> {
  const prompt = { kind: 'tokens', tokens: TOKENS } as const;
  const engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
  return findFirstBad({ modelPath, prompt, reference: 'llama', candidate: `trace:${trace}` }, engines, control());
}

describe.skipIf(!fs.existsSync(modelOf('llama-dense')))('numbered names (node_48) of ../shared/models/archs', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-numbered-'));
  });
  afterAll(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  async function capture(model: string, flashAttention: boolean): Promise<string> {
    const out = path.join(folder, `${path.basename(model)}-${flashAttention}.safetensors`);
    if (!fs.existsSync(out))
      await captureTrace({ modelPath: model, tokens: TOKENS, out, options: { flashAttention } }, control());
    return out;
  }

  /** The results of a trace as an engine dumps them that knows no graph. */
  function withoutGraph(trace: string, change: (key: string, values: Float32Array) => Float32Array): string {
    const file = TraceFile.open(trace);
    const out = path.join(folder, `bare-${fs.readdirSync(folder).length}.safetensors`);
    try {
      const writer = TraceWriter.create(out);
      const graph = file.manifest!.graph!;
      for (const id of graph.order) {
        const t = graph.tensors[id]!;
        if (isComputing(graph, t)) writer.write(t.key, 'F32', t.ne, change(t.key, file.readF32(t.key)));
      }
      writer.finish({ engine: 'x', model: 'x', tokens: TOKENS });
    } finally {
      file.dispose();
    }
    return out;
  }

  it.each(ARCHS)('%s with fused attention, whose graph numbers nodes otherwise, is clean', async (_name, model) => {
    const trace = await capture(model, true);
    const withGraph = await bisect(model, trace);
    expect(withGraph).toMatchObject({ verdict: 'clean', firstBad: null });
    const bare = await bisect(
      model,
      withoutGraph(trace, (_key, values) => values),
    );
    expect(bare).toMatchObject({ verdict: 'clean', firstBad: null });
    expect(bare.alignment.join()).toContain('numbered names (node_48 …) are left out');
  });

  it('names a numbered node where the numbers are the graph’s own', async () => {
    const model = modelOf('llama-dense');
    const trace = await capture(model, false);
    const keys = new Set<string>();
    const dump = withoutGraph(trace, (key, values) => {
      if (!isNumbered(key)) return values;
      keys.add(key);
      return keys.size === 2 ? values.map((v) => -v) : values;
    });
    const verdict = await bisect(model, dump);
    expect(verdict.firstBad).toMatchObject({ node: [...keys][1], stretch: [] });
    expect(verdict.alignment).toEqual([]);
  });

  it('still finds a bug behind names that are left out', async () => {
    const model = modelOf('llama-dense');
    const dump = withoutGraph(await capture(model, true), (key, values) =>
      key === 'ffn_norm-1' ? values.map((v) => 1.1 * v) : values,
    );
    const verdict = await bisect(model, dump);
    expect(verdict.verdict).toBe('diverged');
    expect([verdict.firstBad?.node, ...(verdict.firstBad?.stretch ?? [])]).toContain('ffn_norm-1');
  });
});
