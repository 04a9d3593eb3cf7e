import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShaders } from '../../src/main/lanes/shader-files';
import { openNodeSession, openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import { placedLane } from '../../src/shared/divergence/placed-lane';
import { parsePlacement } from '../../src/shared/divergence/placement';
import type { GraphLane } from '../../src/shared/divergence/lane';
import type { GpuSession } from '../../src/shared/gpu/gpu-session';
import { WeightBudget } from '../../src/shared/gpu/weight-budget';
import type { GpuRunRequest } from '../../src/shared/gpu/run-request';
import { WebGpuLane } from '../../src/shared/gpu/webgpu-lane';
import type { Dims, Graph } from '../../src/shared/graph/graph';
import { planPart } from '../../src/shared/graph/part';
import { GraphBuilder, weightsOf } from '../shared/ops/graph-builder';
import { floatBits, randomValues } from '../shared/ops/op-helpers';
import { createReferenceLane } from '../../src/main/lanes/reference-lane';
import { CollectingSink, FREE, memoryTrace, nmse, silent, stored } from './gpu-fixture';

const WIDTH = 8;
const CELLS = 6;
const LAYERS = 2;

/**
 * Two layers, each of which writes its input as one row of a cache and reads the whole cache back: what a decode step
 * does. Layer 1 also multiplies with a weight.
 */
function step(): Graph {
  const b = new GraphBuilder();
  const ids = b.leaf('input', 'ids', [1, 1, 1, 1], 'I32');
  const matrix = b.leaf('weight', 'matrix', [WIDTH, WIDTH, 1, 1]);
  const x = b.leaf('input', 'x', [WIDTH, 1, 1, 1]);
  let stream = b.node('embd', 'SCALE', [WIDTH, 1, 1, 1], [x], { params: [floatBits(3), 0] });
  for (let layer = 0; layer < LAYERS; layer++) {
    const cache = b.leaf('state', `cache_k_l${layer}`, [WIDTH, CELLS, 1, 1]);
    b.node(`view:cache-${layer}`, 'SET_ROWS', [WIDTH, CELLS, 1, 1], [stream, ids], { viewOf: cache });
    const read = b.node(`view:read-${layer}`, 'VIEW', [WIDTH, CELLS, 1, 1], [cache], { viewOf: cache });
    b.node(`kept-${layer}`, 'CONT', [WIDTH, CELLS, 1, 1], [read]);
    stream = b.node(`l_out-${layer}`, 'MUL_MAT', [WIDTH, 1, 1, 1], [matrix, stream]);
  }
  b.node('result', 'SCALE', [WIDTH, 1, 1, 1], [stream], { params: [floatBits(2), 0] });
  return b.build();
}

const GRAPH = step();
const MATRIX: Dims = [WIDTH, WIDTH, 1, 1];
const weights = weightsOf({
  matrix: { type: 'F32', ne: MATRIX, bytes: new Uint8Array(randomValues(WIDTH * WIDTH, 1).buffer) },
});

/** Step `i` writes row `i`. */
function request(i: number, sink: CollectingSink): GpuRunRequest {
  const captured = memoryTrace({
    'leaf:ids': stored('I32', [1, 1, 1, 1], Int32Array.of(i)),
    'leaf:x': stored('F32', [WIDTH, 1, 1, 1], randomValues(WIDTH, 10 + i)),
    'l_out-0': stored('F32', [WIDTH, 1, 1, 1], randomValues(WIDTH, 50 + i)),
  });
  return { graph: GRAPH, weights, captured, mode: FREE, sink, control: silent() };
}

/** Lanes of the command line want traces on disk by type only; these graphs need nothing else of them. */
type Runs = { run(request: GpuRunRequest): Promise<void>; dispose(): Promise<void> };

async function run(
  sequence: Runs,
  steps: number,
  change: (r: GpuRunRequest, i: number) => GpuRunRequest = (r) => r,
): Promise<CollectingSink[]> {
  const sinks: CollectingSink[] = [];
  for (let i = 0; i < steps; i++) {
    const sink = new CollectingSink();
    await sequence.run(change(request(i, sink), i));
    sinks.push(sink);
  }
  await sequence.dispose();
  return sinks;
}

let webgpu: GraphLane;
let expected: CollectingSink[];
beforeAll(async () => {
  webgpu = await openNodeWebGpuLane();
  expected = await run(createReferenceLane({ threads: 0 }).begin(), 3);
});
afterAll(() => webgpu.dispose());

const rowsOf = (sink: CollectingSink, key: string): Float32Array[] =>
  Array.from({ length: CELLS }, (_, r) => sink.get(key).slice(r * WIDTH, (r + 1) * WIDTH));

function expectClose(got: readonly CollectingSink[], keys: readonly string[]): void {
  got.forEach((sink, i) => {
    for (const key of keys)
      expect(nmse(sink.get(key), expected[i]!.get(key)), `${key} of step ${i}`).toBeLessThan(1e-13);
  });
}

const ALL = ['embd', 'kept-0', 'l_out-0', 'kept-1', 'l_out-1', 'result'];

describe('a sequence of runs', () => {
  it('keeps states from graph to graph, and two sequences apart', async () => {
    const [a, b] = [webgpu.begin(), webgpu.begin()];
    const first = await run(a, 3);
    expectClose(first, ALL);
    const zeros = (row: Float32Array): boolean => row.every((x) => x === 0);
    expect(rowsOf(first[2]!, 'kept-1').map(zeros)).toEqual([false, false, false, true, true, true]);
    const second = await run(b, 1);
    expect(rowsOf(second[0]!, 'kept-1').map(zeros)).toEqual([false, true, true, true, true, true]);
  });

  it('brings its states back after a lost device by running again, and delivers nothing twice', async () => {
    const sessions: GpuSession[] = [];
    const lane = new WebGpuLane({
      open: async () => {
        const session = await openNodeSession();
        sessions.push(session);
        return session;
      },
      shaders: openShaders(),
      label: 'webgpu',
      provenance: {},
    });
    const got = await run(lane.begin(), 3, (r, i) => {
      if (i === 2) sessions[0]!.device.destroy();
      return r;
    });
    await lane.dispose();
    expect(sessions).toHaveLength(2);
    expectClose(got, ALL);
  });
});

describe('a part of a graph', () => {
  it('runs on given values, with the cache writes that it reads', async () => {
    const wanted = new Set(GRAPH.order.filter((id) => /-1$/.test(GRAPH.tensors[id]!.key) || id === GRAPH.order.at(-1)));
    const part = planPart(GRAPH, wanted);
    const lanes = [webgpu, createReferenceLane({ threads: 0 })];
    const runs: CollectingSink[][] = [];
    for (const lane of lanes) runs.push(await run(lane.begin(), 2, (r) => ({ ...r, part })));
    for (const sinks of runs) expect([...sinks[1]!.results.keys()].sort()).toEqual(['kept-1', 'l_out-1', 'result']);
    for (const key of ['kept-1', 'l_out-1', 'result']) {
      expect(nmse(runs[0]![1]!.get(key), runs[1]![1]!.get(key))).toBeLessThan(1e-13);
    }
    // row 1 of layer 1's cache is what llama.cpp left after layer 0 in step 1
    expect(rowsOf(runs[0]![1]!, 'kept-1')[1]).toEqual(randomValues(WIDTH, 51));
  });
});

describe('placement', () => {
  it.each(['0:reference,1-:webgpu', '0:webgpu,1:reference', 'embd:reference,0-1:webgpu,output:reference'])(
    '%s ends as one lane does',
    async (text) => {
      const rules = parsePlacement(text);
      const lanes = new Map<string, GraphLane>([
        ['reference', createReferenceLane({ threads: 0 })],
        ['webgpu', { ...webgpu, begin: () => webgpu.begin(), dispose: () => Promise.resolve() }],
      ]);
      const lane = placedLane('placed', rules, lanes);
      const got = await run(lane.begin(), 3);
      await lane.dispose();
      expectClose(got, ALL);
    },
  );
});

describe('a weight budget', () => {
  it('below a single weight still runs, and changes nothing', async () => {
    const lane = await openNodeWebGpuLane(undefined, { weightBudget: new WeightBudget(1) });
    const got = await run(lane.begin(), 2);
    await lane.dispose();
    expectClose(got, ALL);
  });
});
