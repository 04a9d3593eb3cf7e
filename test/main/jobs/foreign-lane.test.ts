import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { projectRoot } from '../../../src/main/entry-path';
import { captureTrace } from '../../../src/main/capture/capture';
import { openModel } from '../../../src/main/files/model-file';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import type { Observation } from '../../../src/shared/divergence/checks';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { Graph } from '../../../src/shared/graph/graph';
import { isComputing } from '../../../src/shared/graph/graph';
import { tinyModelPath } from '../../helpers/shared-files';
import { runFolders } from '../../helpers/temporary-folders';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const SERVE = path.join(projectRoot(), 'test/main/jobs/foreign/serve-dump.mjs');
const TOKENS = [1, 7, 300, 21, 5];
const model = tinyModelPath();

let folder: string;
let captured: TraceFile;
let graph: Graph;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'foreign test-')); // a blank, as real paths have
  const out = path.join(folder, 'captured.safetensors');
  graph = (await captureTrace({ modelPath: model, tokens: TOKENS, out }, new Control(() => undefined))).graph;
  captured = TraceFile.open(out);
});
afterAll(() => {
  captured.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** llama.cpp's own results with some changed, as the engine has them. */
function prepare(name: string, change: (key: string, values: Float32Array) => Float32Array): string {
  const out = path.join(folder, `${name}.safetensors`);
  const writer = TraceWriter.create(out);
  for (const id of graph.order) {
    const t = graph.tensors[id];
    if (t && isComputing(graph, t)) writer.write(t.key, 'F32', t.ne, change(t.key, captured.readF32(t.key)));
  }
  writer.finish({ engine: name, model, tokens: TOKENS });
  return out;
}

/** What llama.cpp gives for a model one of whose F32 tensors is half as large again: the error goes on from there. */
async function wrongEngine(tensor: string): Promise<string> {
  const other = path.join(folder, `${tensor}.gguf`);
  fs.copyFileSync(model, other);
  const file = openModel(other);
  const { fileOffset, byteLength } = file.requireTensor(tensor);
  file.dispose();
  const bytes = fs.readFileSync(other);
  for (let at = fileOffset; at < fileOffset + byteLength; at += 4) bytes.writeFloatLE(bytes.readFloatLE(at) * 1.5, at);
  fs.writeFileSync(other, bytes);
  const out = path.join(folder, `${tensor}.safetensors`);
  await captureTrace({ modelPath: other, tokens: TOKENS, out }, new Control(() => undefined));
  return out;
}

function bisect(
  dump: string,
  words: string,
  options: { observe?: readonly Observation['id'][]; stages?: string[]; steps?: number } = {},
): Promise<Verdict> {
  const { stages, ...rest } = options;
  return findFirstBad(
    {
      modelPath: model,
      prompt: { kind: 'tokens', tokens: TOKENS },
      reference: 'llama',
      candidate: `cmd:"${process.execPath}" "${SERVE}" "${dump}" {tokens} {out} ${words}`,
      ...rest,
    },
    noGpu,
    new Control((p) => stages?.push(p.stage)),
  );
}

describe('a foreign program as the candidate', () => {
  it('is asked for few checkpoints in few runs, and the wrong node is named', async () => {
    const counter = path.join(folder, 'runs');
    const stages: string[] = [];
    const dump = await wrongEngine('blk.2.ffn_norm.weight');
    const verdict = await bisect(dump, `{checkpoints} "${counter}"`, { stages });
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_norm-2', op: 'MUL', stretch: [] });
    const asked = fs.readFileSync(counter, 'utf8').trim().split('\n').map(Number);
    expect(verdict.runs).toBe(asked.length);
    // 126 nodes: 7 stretches of 18, cut in 9.
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(Math.max(...asked)).toBeLessThanOrEqual(8);
    expect(stages.some((s) => s.endsWith(': run 2'))).toBe(true);
  });

  it('is scanned where nothing but the wrong node itself shows the error', async () => {
    const counter = path.join(folder, 'scan');
    const dump = prepare('alone', (key, v) => (key === 'ffn_norm-2' ? v.map((x) => x * 1.01) : v));
    const verdict = await bisect(dump, `{checkpoints} "${counter}"`);
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_norm-2', stretch: [] });
    expect(Math.max(...fs.readFileSync(counter, 'utf8').trim().split('\n').map(Number))).toBe(64);
  });

  it('is clean only after all its nodes were seen', async () => {
    const verdict = await bisect(
      prepare('right', (_key, v) => v),
      '{checkpoints}',
    );
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null, notMeasured: [] });
    expect(verdict.runs).toBeGreaterThan(1);
  });

  it('is run once where it dumps what it likes', async () => {
    const dump = prepare('once', (key, v) => (key === 'Kcur-1#0' ? v.map((x) => -x) : v));
    const verdict = await bisect(dump, '');
    expect(verdict).toMatchObject({ runs: 1, firstBad: { node: 'Kcur-1#0' } });
  });

  it('is run again for the observer, and its decode steps are refused', async () => {
    const dump = prepare('again', (_key, v) => v);
    const verdict = await bisect(dump, '', { observe: ['run-to-run', 'batch'] });
    expect(verdict.observations).toMatchObject([
      { id: 'run-to-run', state: 'same', node: null },
      { id: 'batch', state: 'not-measured' },
    ]);
    await expect(bisect(dump, '', { steps: 1 })).rejects.toThrow(/runs the prompt only/);
  });

  it('leaves no temporary folder behind, however it ends', async () => {
    const before = runFolders();
    await expect(bisect('/nowhere', '')).rejects.toThrow(/ended with code 1.*/);
    expect(runFolders()).toEqual(before);
  });
});
