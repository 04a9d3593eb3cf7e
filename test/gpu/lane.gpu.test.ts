import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shadersDir } from '../../src/main/entry-path';
import { openShaders } from '../../src/main/lanes/shader-files';
import { openNodeSession, openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import { Control } from '../../src/shared/base/control';
import { CancelledError, QuarrelError } from '../../src/shared/base/errors';
import type { GpuSession } from '../../src/shared/gpu/gpu-session';
import { WeightBudget } from '../../src/shared/gpu/weight-budget';
import { WebGpuLane } from '../../src/shared/gpu/webgpu-lane';
import type { Dims } from '../../src/shared/graph/graph';
import { contiguousStrides } from '../../src/shared/ops/tensor-shape';
import { GraphBuilder, weightsOf } from '../shared/ops/graph-builder';
import { floatBits, randomValues } from '../shared/ops/op-helpers';
import type { Scene } from './gpu-fixture';
import { memoryTrace, nmse, runOnCpu, runOnGpu, silent, stored } from './gpu-fixture';

const K = 64;
const ROWS = 37;

/** tokens → embedding rows → mat-mul → doubled in place, with an op that no kernel computes on a side branch. */
function smallModel(): Scene {
  const builder = new GraphBuilder();
  const tokens = builder.leaf('input', 'tokens', [3, 1, 1, 1], 'I32');
  const embedding = builder.leaf('weight', 'embedding', [K, ROWS, 1, 1]);
  const matrix = builder.leaf('weight', 'matrix', [K, ROWS, 1, 1]);
  const rows = builder.node('rows', 'GET_ROWS', [K, 3, 1, 1], [embedding, tokens]);
  const product = builder.node('product', 'MUL_MAT', [ROWS, 3, 1, 1], [matrix, rows]);
  builder.node('doubled', 'SCALE', [ROWS, 3, 1, 1], [product], {
    params: [floatBits(2), 0],
    viewOf: product,
  });
  const trained = builder.node('trained', 'OPT_STEP_ADAMW', [K, 3, 1, 1], [rows]);
  builder.node('after', 'ADD', [K, 3, 1, 1], [trained, rows]);
  const weight = (seed: number): { type: 'F32'; ne: Dims; bytes: Uint8Array } => ({
    type: 'F32',
    ne: [K, ROWS, 1, 1],
    bytes: new Uint8Array(randomValues(K * ROWS, seed).buffer),
  });
  const captured = memoryTrace({
    'leaf:tokens': stored('I32', [3, 1, 1, 1], Int32Array.of(36, 0, 17)),
    trained: stored('F32', [K, 3, 1, 1], randomValues(K * 3, 9)),
  });
  return { graph: builder.build(), weights: weightsOf({ embedding: weight(1), matrix: weight(2) }), captured };
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => Promise.reject(new Error('an error was expected')),
    (error: unknown) => error as Error,
  );
}

describe('the webgpu lane', () => {
  it('delivers every computing node in order and goes on after one it cannot compute', async () => {
    const scene = smallModel();
    const lane = await openNodeWebGpuLane();
    const [gpu, cpu] = [await runOnGpu(lane, scene), await runOnCpu(scene)];
    await lane.dispose();
    expect([...gpu.results.keys()]).toEqual(['rows', 'product', 'doubled', 'after']);
    expect(gpu.missing).toEqual([{ node: 'trained', op: 'OPT_STEP_ADAMW', reason: 'not measured: OPT_STEP_ADAMW' }]);
    for (const key of gpu.results.keys()) expect(nmse(gpu.get(key), cpu.get(key)), key).toBeLessThan(1e-13);
  });

  it('shows only local errors when seeded, and reads the own result before seeding', async () => {
    const scene = smallModel();
    const seedRows = randomValues(K * 3, 77);
    const seed = memoryTrace({ rows: stored('F32', [K, 3, 1, 1], seedRows) });
    const seeded: Scene = { ...scene, mode: { kind: 'seeded', seed } };
    const lane = await openNodeWebGpuLane();
    const free = await runOnGpu(lane, scene);
    const [gpu, cpu] = [await runOnGpu(lane, seeded), await runOnCpu(seeded)];
    await lane.dispose();
    expect(gpu.get('rows')).toEqual(free.get('rows'));
    expect(gpu.get('product')).not.toEqual(free.get('product'));
    for (const key of gpu.results.keys()) expect(nmse(gpu.get(key), cpu.get(key)), key).toBeLessThan(1e-13);
  });

  it('takes the time of every node that it computes where passes can be timed, once however many dispatches', async () => {
    const session = await openNodeSession();
    const timed = session.canTimePasses;
    session.dispose();
    const scene = smallModel();
    for (const limits of [undefined, { bindingBytes: 4 * K * 7 }]) {
      const lane = await openNodeWebGpuLane(undefined, limits ? { limits } : {});
      const { times, results } = await runOnGpu(lane, scene);
      await lane.dispose();
      expect([...times.keys()].sort()).toEqual(timed ? [...results.keys()].sort() : []);
      for (const [key, microseconds] of times) expect(microseconds, key).toBeGreaterThanOrEqual(0);
      expect(Math.max(0, ...times.values())).toBeLessThan(10e6);
      if (timed) expect(Math.max(...times.values())).toBeGreaterThan(0);
    }
  });

  it('splits weights by rows where the device binds little', async () => {
    const scene = smallModel();
    // 5 rows of 256 bytes, and the slack behind them
    const split = await openNodeWebGpuLane(undefined, { limits: { bindingBytes: 5 * 256 + 100 } });
    const whole = await openNodeWebGpuLane();
    const [a, b] = [await runOnGpu(split, scene), await runOnGpu(whole, scene)];
    await Promise.all([split.dispose(), whole.dispose()]);
    expect(a.results).toEqual(b.results);
  });

  it('splits experts where they end and in between, and goes by the rows of all of them', async () => {
    const k = 512;
    const builder = new GraphBuilder();
    const experts = builder.leaf('weight', 'experts', [k, ROWS, 6, 1]);
    const x = builder.leaf('input', 'x', [k, 1, 3, 1]);
    const ids = builder.leaf('input', 'ids', [2, 3, 1, 1], 'I32');
    builder.node('up', 'MUL_MAT_ID', [ROWS, 2, 3, 1], [experts, x, ids]);
    const bytes = new Uint8Array(randomValues(k * ROWS * 6, 1).buffer);
    const captured = memoryTrace({
      'leaf:x': stored('F32', [k, 1, 3, 1], randomValues(k * 3, 2)),
      'leaf:ids': stored('I32', [2, 3, 1, 1], Int32Array.of(5, 0, 5, 2, 3, 5)),
    });
    const weights = weightsOf({ experts: { type: 'F32', ne: [k, ROWS, 6, 1], bytes } });
    const scene: Scene = { graph: builder.build(), weights, captured };
    const cpu = await runOnCpu(scene);
    const whole = await openNodeWebGpuLane();
    const expected = await runOnGpu(whole, scene);
    await whole.dispose();
    expect(nmse(expected.get('up'), cpu.get('up'))).toBeLessThan(1e-13);
    // less than a tile, parts of an expert, one expert, more than two
    for (const rows of [3, 10, ROWS, 2 * ROWS + 1]) {
      const lane = await openNodeWebGpuLane(undefined, { limits: { bindingBytes: rows * 4 * k + 100 } });
      const { results } = await runOnGpu(lane, scene);
      await lane.dispose();
      expect(results, `${rows} rows`).toEqual(expected.results);
    }
  });

  it('says what a row needs when not even one can be bound', async () => {
    const lane = await openNodeWebGpuLane(undefined, { limits: { bindingBytes: 200 } });
    const error = await rejection(runOnGpu(lane, smallModel()));
    await lane.dispose();
    expect(error).toBeInstanceOf(QuarrelError);
    expect(error.message).toBe('embedding: one row has 256 bytes; this device binds at most 200 at once');
  });

  it('gives equal bits when no weight may stay on the device', async () => {
    const scene = smallModel();
    const [lean, rich] = [
      await openNodeWebGpuLane(undefined, { weightBudget: new WeightBudget(0) }),
      await openNodeWebGpuLane(),
    ];
    const [a, b] = [await runOnGpu(lean, scene), await runOnGpu(rich, scene)];
    await Promise.all([lean.dispose(), rich.dispose()]);
    expect(a.results).toEqual(b.results);
  });

  it('stops when it is cancelled', async () => {
    const lane = await openNodeWebGpuLane();
    const control = new Control(() => control.cancel());
    expect(await rejection(runOnGpu(lane, smallModel(), control))).toBeInstanceOf(CancelledError);
    const again = await runOnGpu(lane, smallModel());
    await lane.dispose();
    expect(again.results.size).toBe(4);
  });
});

describe('a cache in f16', () => {
  it('is written row by row, odd rows included, and starts as zeros', async () => {
    const builder = new GraphBuilder();
    const ids = builder.leaf('input', 'ids', [3, 1, 1, 1], 'I64');
    const rows = builder.leaf('input', 'x', [5, 3, 1, 1]);
    const cache = builder.leaf('state', 'cache', [5, 7, 1, 1], 'F16');
    const written = builder.node('write', 'SET_ROWS', [5, 7, 1, 1], [rows, ids, cache], {
      type: 'F16',
      viewOf: cache,
    });
    const view = builder.node('view', 'VIEW', [5, 7, 1, 1], [written], { type: 'F16', viewOf: cache });
    builder.node('read', 'CPY', [5, 7, 1, 1], [view]);
    const values = Float32Array.of(
      1,
      -2.5,
      65504,
      65519,
      65520,
      2 ** -24,
      2 ** -25,
      3 * 2 ** -25,
      1e-9,
      -0,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      -1e9,
      0.1,
      NaN,
    );
    const captured = memoryTrace({
      'leaf:ids': stored('I64', [3, 1, 1, 1], BigInt64Array.of(6n, 0n, 3n)),
      'leaf:x': stored('F32', [5, 3, 1, 1], values),
    });
    const scene: Scene = { graph: builder.build(), captured };
    const lane = await openNodeWebGpuLane();
    const [gpu, cpu] = [await runOnGpu(lane, scene), await runOnCpu(scene)];
    await lane.dispose();
    expect(gpu.get('read')).toEqual(cpu.get('read'));
    expect([...gpu.get('read').subarray(5, 15)]).toEqual(new Array(10).fill(0));
  });

  it('leaves what depends on a write that no kernel does as not measured', async () => {
    const builder = new GraphBuilder();
    const ids = builder.leaf('input', 'ids', [1, 1, 1, 1], 'I64');
    const rows = builder.leaf('input', 'x', [32, 1, 1, 1]);
    const cache = builder.leaf('state', 'cache', [32, 2, 1, 1], 'Q8_0');
    const written = builder.node('write', 'SET_ROWS', [32, 2, 1, 1], [rows, ids, cache], {
      type: 'Q8_0',
      viewOf: cache,
    });
    builder.node('scores', 'MUL_MAT', [2, 1, 1, 1], [written, rows]);
    const captured = memoryTrace({
      'leaf:ids': stored('I64', [1, 1, 1, 1], BigInt64Array.of(1n)),
      'leaf:x': stored('F32', [32, 1, 1, 1], randomValues(32)),
      scores: stored('F32', [2, 1, 1, 1], Float32Array.of(1, 2)),
    });
    const lane = await openNodeWebGpuLane();
    const { missing, results } = await runOnGpu(lane, { graph: builder.build(), captured });
    await lane.dispose();
    expect(missing.map((m) => m.reason)).toEqual([
      'not measured: SET_ROWS (the result is Q8_0; F32, F16 or BF16 is expected)',
      'not measured: MUL_MAT (reads cache, which is not measured)',
    ]);
    expect(results.size).toBe(0);
  });
});

describe('results with gaps', () => {
  it('are delivered without them, and seeded with them', async () => {
    const ne: Dims = [3, 4, 1, 1];
    const builder = new GraphBuilder();
    const x = builder.leaf('input', 'x', ne);
    const target = builder.leaf('input', 'target', [8, 4, 1, 1]);
    const copied = builder.node('copied', 'CPY', ne, [x, target], {
      nb: [4, 32, 128, 128],
      viewOf: target,
      viewOffs: 4,
    });
    builder.node('doubled', 'SCALE', ne, [copied], { params: [floatBits(2), 0], nb: contiguousStrides('F32', ne) });
    const captured = memoryTrace({
      'leaf:x': stored('F32', ne, randomValues(12, 4)),
      'leaf:target': stored('F32', [8, 4, 1, 1], new Float32Array(32)),
    });
    const seed = memoryTrace({ copied: stored('F32', ne, randomValues(12, 5)) });
    const lane = await openNodeWebGpuLane();
    const sink = await runOnGpu(lane, { graph: builder.build(), captured, mode: { kind: 'seeded', seed } });
    await lane.dispose();
    expect(sink.get('copied')).toEqual(randomValues(12, 4));
    expect(sink.get('doubled')).toEqual(randomValues(12, 5).map((v) => v * 2));
  });
});

describe('a lost device', () => {
  /** Destroys its first `losses` devices at the first progress of a run. */
  async function runWithLosses(losses: number) {
    let opened = 0;
    let current: GpuSession | undefined;
    const lane = new WebGpuLane({
      open: async () => {
        opened++;
        current = await openNodeSession();
        return current;
      },
      shaders: openShaders(),
      label: 'webgpu',
      provenance: {},
    });
    const control = new Control(() => {
      if (opened <= losses) current?.device.destroy();
    });
    const result = runOnGpu(lane, smallModel(), control);
    const outcome = await result.catch((error: unknown) => error as Error);
    await lane.dispose();
    return { outcome, opened };
  }

  it('is replaced once, and every node is delivered once', async () => {
    const { outcome, opened } = await runWithLosses(1);
    expect(opened).toBe(2);
    if (outcome instanceof Error) throw outcome;
    expect(outcome.results.size).toBe(4);
    expect(outcome.missing.length).toBe(1);
  });

  it('twice ends the run with a clear error', async () => {
    const { outcome, opened } = await runWithLosses(2);
    expect(opened).toBe(2);
    expect(outcome).toBeInstanceOf(QuarrelError);
    expect((outcome as Error).message).toMatch(/^webgpu: the GPU device was lost twice: /);
  });
});

describe('an overlay', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-overlay-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  function overlay(file: string, edit: (text: string) => string): void {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), edit(fs.readFileSync(path.join(shadersDir(), file), 'utf8')));
  }

  it('replaces one shader', async () => {
    overlay('ops/scale.wgsl', (text) => text.replace('* params.scale', '* 3.0'));
    const lane = await openNodeWebGpuLane(folder);
    const sink = await runOnGpu(lane, smallModel());
    await lane.dispose();
    expect(lane.label).toBe(`webgpu@${folder}`);
    expect(sink.get('doubled')).toEqual(sink.get('product').map((x) => Math.fround(x * 3)));
  });

  it('that does not compile is reported with its own file and line', async () => {
    overlay('lib/tensor.wgsl', (text) => text.replace('let steps = at * t.nb;', 'let steps = at * t.stride;'));
    const line =
      fs
        .readFileSync(path.join(folder, 'lib/tensor.wgsl'), 'utf8')
        .split('\n')
        .findIndex((l) => l.includes('t.stride')) + 1;
    const lane = await openNodeWebGpuLane(folder);
    const error = await rejection(runOnGpu(lane, smallModel()));
    await lane.dispose();
    expect(error).toBeInstanceOf(QuarrelError);
    expect(error.message).toMatch(new RegExp(`^lib/tensor\\.wgsl:${line}:\\d+: .*stride`));
  });

  it('whose Params the executor does not know is reported as such', async () => {
    overlay('ops/scale.wgsl', (text) => text.replace('bias: f32,', 'bias: f32, extra: f32,'));
    const lane = await openNodeWebGpuLane(folder);
    const error = await rejection(runOnGpu(lane, smallModel()));
    await lane.dispose();
    expect(error.message).toMatch(/extra/);
    expect(error).toBeInstanceOf(QuarrelError);
  });

  it('without a shader that it could replace is refused', async () => {
    await expect(openNodeWebGpuLane(folder)).rejects.toThrow(/it has no \.wgsl file/);
    fs.writeFileSync(path.join(folder, 'mine.wgsl'), '');
    await expect(openNodeWebGpuLane(folder)).rejects.toThrow(/mine\.wgsl replaces nothing/);
    await expect(openNodeWebGpuLane(path.join(folder, 'absent'))).rejects.toThrow(/no such folder/);
  });
});

describe('errors of the device', () => {
  it('name the nodes of the batch', async () => {
    const session = await openNodeSession();
    // a kernel that a lane would never build: one that writes into what it reads
    const lane = new WebGpuLane({
      open: () => Promise.resolve(session),
      shaders: openShaders(),
      label: 'webgpu',
      provenance: {},
    });
    const { createBindGroup } = session.device;
    session.device.createBindGroup = function (descriptor) {
      const entries = [...descriptor.entries].map((e) =>
        descriptor.label === 'product' && e.binding === 1
          ? { ...e, resource: { ...(e.resource as GPUBufferBinding), offset: 4 } }
          : e,
      );
      return createBindGroup.call(this, { ...descriptor, entries });
    };
    const error = await rejection(runOnGpu(lane, smallModel(), silent()));
    await lane.dispose();
    expect(error).toBeInstanceOf(QuarrelError);
    expect(error.message).toMatch(/product/);
  });
});
