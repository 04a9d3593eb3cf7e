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
import type { Dims } from '../../../src/shared/graph/graph';
import { elementCount, isComputing } from '../../../src/shared/graph/graph';
import { tinyModelPath } from '../../helpers/shared-files';

const TOKENS = [1, 7, 300, 21, 5];
const control = (): Control => new Control(() => undefined);

describe('a dump of the last token’s rows only', () => {
  let folder: string;
  let captured: TraceFile;
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-partial-'));
    const out = path.join(folder, 'captured.safetensors');
    await captureTrace({ modelPath: tinyModelPath(), tokens: TOKENS, out }, control());
    captured = TraceFile.open(out);
  });
  afterAll(() => {
    captured.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** Rows of the last token, of nodes whose last dimension counts tokens; attention's scores are left out. */
  function lastRows(change: (key: string, values: Float32Array) => Float32Array): Promise<Verdict> {
    const out = path.join(folder, `dump-${fs.readdirSync(folder).length}.safetensors`);
    const writer = TraceWriter.create(out);
    const graph = captured.manifest!.graph!;
    for (const id of graph.order) {
      const t = graph.tensors[id]!;
      const tokenDim = t.ne[2] === 1 ? 1 : 2;
      if (!isComputing(graph, t) || /^kq(_|-|v-)/.test(t.key) || t.ne[tokenDim] !== TOKENS.length) continue;
      const row = elementCount(t.ne) / TOKENS.length;
      const ne = t.ne.map((n, d) => (d === tokenDim ? 1 : n)) as unknown as Dims;
      writer.write(t.key, 'F32', ne, change(t.key, captured.readF32(t.key).slice(-row)));
    }
    writer.finish({ engine: 'x', model: 'x', tokens: TOKENS });
    const request = {
      modelPath: tinyModelPath(),
      prompt: { kind: 'tokens', tokens: TOKENS } as const,
      reference: 'llama',
      candidate: `trace:${out}`,
    };
    return findFirstBad(request, { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) }, control());
  }

  it('is clean; what attention makes of other tokens is not measured', async () => {
    // an engine that is a little off everywhere: its keys are not those that the other rows were filled with
    const verdict = await lastRows((key, values) => (/^(K|V)cur/.test(key) ? values.map((v) => v * 1.00001) : values));
    expect(verdict.notMeasured.find(({ node }) => node === 'kqv_out-1')).toMatchObject({
      op: 'CONT',
      reason: 'the dump has keys and values of some tokens only; the others are the reference’s',
    });
    expect(verdict.allBad.map((bad) => bad.node).filter((node) => node.startsWith('kq'))).toEqual([]);
  });

  it('shows a bug of the rows that it has', async () => {
    const verdict = await lastRows((key, values) => (key === 'ffn_norm-2' ? values.map((v) => 1.1 * v) : values));
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_norm-2', cause: { explained: expect.any(Number) as number } });
  });
});
