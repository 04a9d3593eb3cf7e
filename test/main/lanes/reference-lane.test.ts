import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureTrace } from '../../../src/main/capture/capture';
import { openModel } from '../../../src/main/files/model-file';
import { PLAIN_ACCESS } from '../../../src/main/files/weight-view';
import { WorkerEngine } from '../../../src/main/lanes/reference-engine';
import { createReferenceLane } from '../../../src/main/lanes/reference-lane';
import { runReference } from '../../../src/main/lanes/reference-run';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import { CancelledError } from '../../../src/shared/base/errors';
import { runGraph } from '../../../src/shared/divergence/lane';
import type { Graph } from '../../../src/shared/graph/graph';
import { pairColumns, repeatedColumns } from '../../../src/shared/ops/mat-mul-columns';
import { multiplyHere } from '../../../src/shared/ops/mat-mul-engine';
import { Memory } from '../../../src/shared/ops/memory';
import { contiguousStrides } from '../../../src/shared/ops/tensor-shape';
import { randomValues } from '../../shared/ops/op-helpers';
import { silent, TINY_MODEL, temporaryFolder } from '../capture/capture-fixture';

const folder = temporaryFolder();
let captured: TraceFile;
let graph: Graph;

beforeAll(async () => {
  const out = path.join(folder, 'captured.safetensors');
  graph = (await captureTrace({ modelPath: TINY_MODEL, prompt: 'The capital of France is', threads: 1, out }, silent()))
    .graph;
  captured = TraceFile.open(out);
}, 60_000);
afterAll(() => {
  captured.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

describe('the reference lane', () => {
  it('writes every computing node, with its time, into a trace like llama.cpp’s', async () => {
    const out = path.join(folder, 'reference.safetensors');
    const model = openModel(TINY_MODEL);
    const sink = TraceWriter.create(out);
    const lane = createReferenceLane({ threads: 2 });
    await runGraph(lane, { graph, weights: model, captured, mode: { kind: 'free' }, sink, control: silent() });
    sink.finish({ engine: lane.label, model: TINY_MODEL, tokens: captured.tokens, provenance: lane.provenance });
    await lane.dispose();
    model.dispose();

    const trace = TraceFile.open(out);
    const shapes = (t: TraceFile): Map<string, readonly number[]> =>
      new Map([...t.entries.values()].filter((e) => !e.key.startsWith('leaf:')).map((e) => [e.key, e.shape]));
    expect(shapes(trace)).toEqual(shapes(captured));
    expect(new Set(Object.keys(trace.manifest?.timings ?? {}))).toEqual(new Set(shapes(captured).keys()));
    expect(trace.manifest?.notMeasured).toEqual([]);
    trace.dispose();
  });

  it('gives equal bits with any number of threads', async () => {
    const model = openModel(TINY_MODEL);
    const runs: Map<string, Float32Array>[] = [];
    for (const threads of [0, 1, 3]) {
      const results = new Map<string, Float32Array>();
      await runReference(
        { graph, weights: model, captured, mode: { kind: 'free' }, control: silent() },
        { arithmetics: ['exact', 'ggml'], threads, onNode: (e) => void results.set(e.tensor.key, e.results.ggml) },
      );
      runs.push(results);
    }
    model.dispose();
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it('stops when it is cancelled', async () => {
    const model = openModel(TINY_MODEL);
    const seen: string[] = [];
    const control = new Control(() => undefined);
    const run = runReference(
      { graph, weights: model, captured, mode: { kind: 'free' }, control },
      {
        arithmetics: ['exact'],
        onNode: ({ tensor }) => {
          seen.push(tensor.key);
          if (seen.length === 5) control.cancel();
        },
      },
    );
    await expect(run).rejects.toThrow(CancelledError);
    expect(seen).toHaveLength(5);
    model.dispose();
  });
});

describe('the worker engine', () => {
  const ne = [1024, 600, 1, 1] as const;

  function job(engine: WorkerEngine) {
    const a = Memory.zeros(1024 * 600 * 4, engine.allocate);
    a.f32.fill(0.5);
    const columns = new Float64Array(engine.allocate(1024 * 8)).fill(2);
    const out = new Float32Array(engine.allocate(600 * 4));
    const nb = contiguousStrides('F32', ne);
    const sets = [{ length: 1024, columns, out }];
    const pairs = repeatedColumns(ne, [1024, 1, 1, 1], engine.allocate);
    return { a, out, job: { type: 'F32' as const, ne, nb, offset: 0, pairs, sets } };
  }

  it('multiplies tensors in memory', async () => {
    const engine = new WorkerEngine({ weights: undefined, threads: 2 });
    const { a, out, job: work } = job(engine);
    await engine.multiply(work, { kind: 'memory', memory: a });
    await engine.dispose();
    expect(out.every((x) => x === 1024)).toBe(true);
  });

  it('multiplies the planes of a job that have columns, to the bits of the inline engine', async () => {
    const engine = new WorkerEngine({ weights: undefined, threads: 3 });
    const a = Memory.of(new Uint8Array(randomValues(256 * 300 * 5, 1).buffer), engine.allocate);
    const columns = new Float64Array(engine.allocate(256 * 8 * 8));
    columns.set(randomValues(256 * 8, 2));
    // nobody takes plane 2
    const pairs = pairColumns(5, [4, 0, 4, 1, 3, 4, 0, 4], (column) => 7 - column, engine.allocate);
    const nb = contiguousStrides('F32', [256, 300, 5, 1]);
    const [spread, here] = [0, 1].map(() => new Float32Array(engine.allocate(300 * 8 * 4)));
    const jobInto = (out: Float32Array) => {
      const sets = [{ length: 256, columns, out }];
      return { type: 'F32' as const, ne: [256, 300, 5, 1] as const, nb, offset: 0, pairs, sets };
    };
    await engine.multiply(jobInto(spread!), { kind: 'memory', memory: a });
    await engine.dispose();
    multiplyHere(jobInto(here!), { kind: 'memory', memory: a });
    expect(spread).toEqual(here);
    expect(here!.every((x) => x !== 0)).toBe(true);
  });

  it('passes on what a worker finds wrong with the file', async () => {
    const copy = path.join(folder, 'cut.gguf');
    fs.copyFileSync(TINY_MODEL, copy);
    const model = openModel(copy);
    const tensor = model.gguf.tensors.find((t) => t.name === 'token_embd.weight');
    const engine = new WorkerEngine({ weights: { model: model.handle(), access: PLAIN_ACCESS }, threads: 2 });
    const weight = model.requireTensor('token_embd.weight');
    fs.truncateSync(copy, 4096);
    const { out } = job(engine);
    const columns = new Float64Array(engine.allocate(weight.ne[0] * 4000 * 8));
    const work = {
      type: weight.type,
      ne: weight.ne,
      nb: contiguousStrides(weight.type, weight.ne),
      offset: 0,
      pairs: repeatedColumns(weight.ne, [weight.ne[0], 4000, 1, 1], engine.allocate),
      sets: [{ length: weight.ne[0], columns, out }],
    };
    expect(tensor?.type).toBe(weight.type);
    await expect(engine.multiply(work, { kind: 'weight', tensor: weight })).rejects.toThrow('cut.gguf');
    await engine.dispose();
    await engine.dispose();
    model.dispose();
  });
});
