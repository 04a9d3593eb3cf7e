import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/shared/base/errors';
import type { JobControl } from '../../../src/shared/base/progress';
import type { Graph } from '../../../src/shared/graph/graph';
import type { Arithmetic } from '../../../src/shared/ops/arithmetic';
import type { ExecutionMode, NodeEvent } from '../../../src/shared/ops/executor';
import { executeGraph } from '../../../src/shared/ops/executor';
import { expiringOwners } from '../../../src/shared/ops/lifetimes';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import type { Checkpoints } from '../../../src/shared/ops/run-memory';
import { checkpointsOf, f32Bytes, GraphBuilder, weightsOf } from './graph-builder';
import { floatBits } from './op-helpers';

const freely: JobControl = {
  progress: () => undefined,
  throwIfCancelled: () => undefined,
  onCancel: () => () => undefined,
};

interface Run {
  readonly graph: Graph;
  readonly weights?: ReturnType<typeof weightsOf>;
  readonly captured: Checkpoints;
  readonly mode?: ExecutionMode;
  readonly arithmetics?: readonly Arithmetic[];
  readonly control?: JobControl;
}

/** Runs a graph; results of the first arithmetic by key, events, and reasons of what was not measured. */
async function run(r: Run) {
  const events = new Map<string, NodeEvent<Arithmetic>>();
  const values = new Map<string, number[]>();
  const missing = new Map<string, string>();
  const arithmetics = r.arithmetics ?? ['exact'];
  await executeGraph(
    {
      graph: r.graph,
      weights: r.weights ?? weightsOf({}),
      captured: r.captured,
      mode: r.mode ?? { kind: 'free' },
      control: r.control ?? freely,
    },
    {
      arithmetics,
      engine: createInlineEngine(),
      onNode: (event) => {
        events.set(event.tensor.key, event);
        values.set(event.tensor.key, [...event.results[arithmetics[0]!]]);
      },
      onNotMeasured: (tensor, reason) => missing.set(tensor.key, reason),
    },
  );
  return { events, values, missing };
}

const NE = [4, 1, 1, 1] as const;
const x = Float32Array.from([1, 2, 3, 4]);

/** sum = x + w, double = 2·sum, square = double² */
function chain(): Graph {
  const g = new GraphBuilder();
  const input = g.leaf('input', 'x', NE);
  const w = g.leaf('weight', 'w', NE);
  const sum = g.node('sum', 'ADD', NE, [input, w]);
  const double = g.node('double', 'SCALE', NE, [sum], { params: [floatBits(2), 0] });
  g.node('square', 'MUL', NE, [double, double]);
  return g.build();
}
const weights = weightsOf({ w: { type: 'F32', ne: NE, bytes: f32Bytes([10, 20, 30, 40]) } });
const captured = checkpointsOf('the capture', { 'leaf:x': x });

describe('modes', () => {
  it('runs freely on its own results', async () => {
    const { values } = await run({ graph: chain(), weights, captured });
    expect(values.get('sum')).toEqual([11, 22, 33, 44]);
    expect(values.get('double')).toEqual([22, 44, 66, 88]);
    expect(values.get('square')).toEqual([484, 1936, 4356, 7744]);
  });

  it('goes on with the seed where it has a node, and shows its own result there', async () => {
    const seed = checkpointsOf('the seed', { double: Float32Array.from([1, 1, 2, 2]) });
    const { values, events } = await run({ graph: chain(), weights, captured, mode: { kind: 'seeded', seed } });
    expect(values.get('double')).toEqual([22, 44, 66, 88]);
    expect([...events.get('double')!.seed!]).toEqual([1, 1, 2, 2]);
    expect(events.get('sum')!.seed).toBeUndefined();
    expect(values.get('square')).toEqual([1, 1, 4, 4]);
  });

  it('takes what the merge makes of the seed', async () => {
    const values: number[] = [];
    await executeGraph(
      {
        graph: chain(),
        weights,
        captured,
        control: freely,
        mode: { kind: 'seeded', seed: checkpointsOf('the seed', { double: Float32Array.from([5]) }) },
      },
      {
        arithmetics: ['exact'],
        engine: createInlineEngine(),
        merge: (t, own, seed) => own.map((v, i) => (i === 3 ? seed.readF32(t.key)[0]! : v)),
        onNode: ({ tensor, results }) => {
          if (tensor.key === 'square') values.push(...results.exact);
        },
        onNotMeasured: () => undefined,
      },
    );
    expect(values).toEqual([484, 1936, 4356, 25]);
  });
});

describe('arithmetics', () => {
  it('share the seed where there is one and go apart where there is none', async () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', [1, 1, 1, 1]);
    const gelu = g.node('gelu', 'UNARY', [1, 1, 1, 1], [input], { kind: 'GELU', params: [8] });
    g.node('scaled', 'SCALE', [1, 1, 1, 1], [gelu], { params: [floatBits(1000), 0] });
    const graph = g.build();
    const at = checkpointsOf('the capture', { 'leaf:x': Float32Array.from([0.3337]) });
    const apart = await run({ graph, captured: at, arithmetics: ['exact', 'ggml'] });
    const { exact, ggml } = apart.events.get('scaled')!.results as Record<Arithmetic, Float32Array>;
    expect(exact[0]).not.toBe(ggml[0]);
    expect([...apart.events.get('scaled')!.source(0, 'ggml')!]).toEqual([...apart.events.get('gelu')!.results.ggml]);
    const seed = checkpointsOf('the seed', { gelu: Float32Array.from([0.25]) });
    const together = await run({ graph, captured: at, arithmetics: ['exact', 'ggml'], mode: { kind: 'seeded', seed } });
    expect([...together.events.get('scaled')!.results.ggml]).toEqual([250]);
    expect([...together.events.get('scaled')!.results.exact]).toEqual([250]);
  });
});

describe('views, state and results in place', () => {
  it('reads a view by its offset and strides', async () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', NE);
    const sum = g.node('sum', 'ADD', NE, [input, input]);
    const tail = g.node('view:tail', 'VIEW', [2, 1, 1, 1], [sum], { viewOf: sum, viewOffs: 8 });
    const turned = g.node('view:turned', 'TRANSPOSE', [1, 2, 1, 1], [tail], {
      viewOf: sum,
      viewOffs: 8,
      nb: [8, 4, 8, 8],
    });
    g.node('flat', 'CONT', [1, 2, 1, 1], [turned]);
    const { values } = await run({ graph: g.build(), captured });
    expect(values.get('flat')).toEqual([6, 8]);
  });

  it('writes rows into a zero-filled cache and reads them back through another view', async () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', [2, 2, 1, 1]);
    const at = g.leaf('input', 'at', [2, 1, 1, 1], 'I32');
    const cache = g.leaf('state', 'cache_k_l0', [2, 3, 1, 1], 'F16');
    g.node('view:cache_k_l0', 'SET_ROWS', [2, 3, 1, 1], [input, at], { type: 'F16', viewOf: cache });
    const view = g.node('view:k', 'VIEW', [2, 3, 1, 1], [cache], { type: 'F16', viewOf: cache });
    g.node('k', 'CPY', [2, 3, 1, 1], [view]);
    const inputs = checkpointsOf('the capture', { 'leaf:x': x, 'leaf:at': Int32Array.from([2, 0]) });
    const { values, events } = await run({ graph: g.build(), captured: inputs });
    expect(values.get('k')).toEqual([3, 4, 0, 0, 1, 2]);
    expect([...events.keys()]).toEqual(['k']);
  });

  it('shows the source of a result that overwrites it, and shows later readers the result', async () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', NE);
    const sum = g.node('sum', 'ADD', NE, [input, input]);
    const scaled = g.node('scaled', 'SCALE', NE, [sum], { params: [floatBits(10), 0], viewOf: sum });
    g.node('last', 'ADD', NE, [scaled, sum]);
    const sources: number[] = [];
    await executeGraph(
      { graph: g.build(), weights: weightsOf({}), captured, mode: { kind: 'free' }, control: freely },
      {
        arithmetics: ['exact', 'ggml'],
        engine: createInlineEngine(),
        onNode: ({ tensor, source, results }) => {
          if (tensor.key === 'scaled') sources.push(...source(0, 'ggml')!);
          if (tensor.key === 'last') expect([...results.ggml]).toEqual([40, 80, 120, 160]);
        },
        onNotMeasured: () => undefined,
      },
    );
    expect(sources).toEqual([2, 4, 6, 8]);
  });
});

describe('what cannot be computed', () => {
  function withUnsupported(): Graph {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', NE);
    const trained = g.node('trained', 'OPT_STEP_ADAMW', NE, [input]);
    const view = g.node('view:c', 'RESHAPE', NE, [trained], { viewOf: trained });
    g.node('double', 'SCALE', NE, [view], { params: [floatBits(2), 0] });
    return g.build();
  }

  it('is taken from the capture, or from the seed first', async () => {
    const both = { 'leaf:x': x, trained: Float32Array.from([1, 3, 6, 10]) };
    const free = await run({ graph: withUnsupported(), captured: checkpointsOf('the capture', both) });
    expect([...free.missing]).toEqual([['trained', 'not measured: OPT_STEP_ADAMW']]);
    expect(free.values.get('double')).toEqual([2, 6, 12, 20]);
    const seed = checkpointsOf('the seed', { trained: Float32Array.from([5, 5, 5, 5]) });
    const mode = { kind: 'seeded', seed } as const;
    const seeded = await run({ graph: withUnsupported(), captured: checkpointsOf('the capture', both), mode });
    expect(seeded.values.get('double')).toEqual([10, 10, 10, 10]);
  });

  it('makes unknown what depends on it where nobody has its value', async () => {
    const { missing, values } = await run({ graph: withUnsupported(), captured });
    expect([...missing]).toEqual([
      ['trained', 'not measured: OPT_STEP_ADAMW'],
      ['double', 'not measured: its input trained is not known'],
    ]);
    expect(values.size).toBe(0);
  });

  it('makes a cache unknown that it could not write', async () => {
    const g = new GraphBuilder();
    const rows = g.leaf('input', 'x', [32, 1, 1, 1]);
    const at = g.leaf('input', 'at', [1, 1, 1, 1], 'I32');
    const cache = g.leaf('state', 'cache_k_l0', [32, 2, 1, 1], 'Q8_0');
    g.node('view:set', 'SET_ROWS', [32, 2, 1, 1], [rows, at], { type: 'Q8_0', viewOf: cache });
    g.node('k', 'CPY', [32, 2, 1, 1], [cache]);
    const inputs = checkpointsOf('c', { 'leaf:x': new Float32Array(32), 'leaf:at': Int32Array.from([0]) });
    const { missing } = await run({ graph: g.build(), captured: inputs });
    expect(missing.get('k')).toBe('not measured: its input leaf:cache_k_l0 is not known');
  });
});

describe('data that do not fit the graph', () => {
  it.each([
    ['a missing weight', { weights: weightsOf({}) }, 'weights in memory has no tensor w, which the graph reads'],
    [
      'another weight',
      { weights: weightsOf({ w: { type: 'F16', ne: NE, bytes: new Uint8Array(8) } }) },
      'w is F16 [4, 1, 1, 1] in weights in memory, but F32 [4, 1, 1, 1] in the graph: another model?',
    ],
    [
      'a missing input',
      { captured: checkpointsOf('the capture', {}) },
      "the capture: the graph's input leaf:x is missing",
    ],
    [
      'an input of another size',
      { captured: checkpointsOf('the capture', { 'leaf:x': new Float32Array(3) }) },
      'the capture: input leaf:x has 12 bytes; F32 [4, 1, 1, 1] has 16',
    ],
    [
      'a seed of another size',
      { mode: { kind: 'seeded', seed: checkpointsOf('the seed', { sum: new Float32Array(3) }) } as const },
      "the seed: sum has 3 elements; the graph's has 4",
    ],
  ])('%s is one clear line', async (_name, part, message) => {
    await expect(run({ graph: chain(), weights, captured, ...part })).rejects.toThrow(message);
  });

  it('a view past its memory is one clear line', async () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', NE);
    const view = g.node('view:v', 'VIEW', NE, [input], { viewOf: input, viewOffs: 4 });
    g.node('copy', 'CONT', NE, [view]);
    await expect(run({ graph: g.build(), captured })).rejects.toThrow('view:v reaches past the 16 bytes');
  });
});

describe('running', () => {
  it('stops where it is cancelled', async () => {
    let nodes = 0;
    const control: JobControl = {
      ...freely,
      throwIfCancelled: () => {
        if (nodes >= 2) throw new CancelledError();
      },
      progress: () => nodes++,
    };
    await expect(run({ graph: chain(), weights, captured, control })).rejects.toThrow(CancelledError);
    expect(nodes).toBe(2);
  });

  it('tells its progress node by node', async () => {
    const told: string[] = [];
    const control: JobControl = { ...freely, progress: (p) => told.push(`${p.done}/${p.total} ${p.detail}`) };
    await run({ graph: chain(), weights, captured, control });
    expect(told).toEqual(['0/3 sum', '1/3 double', '2/3 square']);
  });

  it('releases memory after its last use, counted through views, and keeps state', () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', NE);
    const cache = g.leaf('state', 'cache', NE);
    const a = g.node('a', 'ADD', NE, [input, input]);
    const view = g.node('view:a', 'VIEW', [2, 1, 1, 1], [a], { viewOf: a });
    const b = g.node('b', 'SCALE', NE, [input]);
    const c = g.node('c', 'ADD', [2, 1, 1, 1], [view, cache]);
    expect(expiringOwners(g.build())).toEqual([[], [], [input, b], [a, c]]);
  });
});
