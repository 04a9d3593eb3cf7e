import { describe, expect, it } from 'vitest';

import type { Dims, Graph } from '../../../src/shared/graph/graph';
import { planPart } from '../../../src/shared/graph/part';
import type { Arithmetic } from '../../../src/shared/ops/arithmetic';
import { executeGraph } from '../../../src/shared/ops/executor';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import { StateMemories } from '../../../src/shared/ops/state-memories';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { checkpointsOf, GraphBuilder, weightsOf } from './graph-builder';
import { freely } from './layered-graph';

const CELLS = 4;

interface Step {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>;
}

/** Runs graphs one after another on the same states; results of each by key, and what was not measured. */
async function runAll(steps: readonly Step[], arithmetics: readonly Arithmetic[] = ['exact'], states?: StateMemories) {
  const runs: { values: Record<string, number[]>; missing: Record<string, string> }[] = [];
  const shared = states ?? new StateMemories();
  for (const { graph, inputs } of steps) {
    const values: Record<string, number[]> = {};
    const missing: Record<string, string> = {};
    await executeGraph(
      {
        graph,
        weights: weightsOf({}),
        captured: checkpointsOf('the capture', inputs),
        mode: { kind: 'free' },
        control: freely,
        states: shared,
      },
      {
        arithmetics,
        engine: createInlineEngine(),
        onNode: ({ tensor, results }) => {
          for (const a of arithmetics) values[a === 'exact' ? tensor.key : `${tensor.key} ${a}`] = [...results[a]];
        },
        onNotMeasured: (tensor, reason) => (missing[tensor.key] = reason),
      },
    );
    runs.push({ values, missing });
  }
  return runs;
}

/** Writes rows of two values into cells of a cache, and reads the whole cache. */
function cacheStep(rows: readonly (readonly [number, number])[], first: number, type: GgmlTypeName = 'F16'): Step {
  const g = new GraphBuilder();
  const ne: Dims = [2, CELLS, 1, 1];
  const x = g.leaf('input', 'x', [2, rows.length, 1, 1]);
  const at = g.leaf('input', 'at', [rows.length, 1, 1, 1], 'I64');
  const cache = g.leaf('state', 'cache_k_l0', ne, type);
  g.node('view:cache_k_l0', 'SET_ROWS', ne, [x, at], { type, viewOf: cache });
  const view = g.node('view:k', 'VIEW', ne, [cache], { type, viewOf: cache });
  g.node('k', 'CPY', ne, [view]);
  const cells = BigInt64Array.from(rows, (_, i) => BigInt(first + i));
  return {
    graph: g.build(),
    inputs: { 'leaf:x': Float32Array.from(rows.flat()), 'leaf:at': new Int32Array(cells.buffer) },
  };
}

/** Reads the cache without writing into it. */
function readingStep(cells = CELLS): Step {
  const g = new GraphBuilder();
  const cache = g.leaf('state', 'cache_k_l0', [2, cells, 1, 1], 'F16');
  g.node('k', 'CPY', [2, cells, 1, 1], [cache]);
  return { graph: g.build(), inputs: {} };
}

const PROMPT = cacheStep(
  [
    [1, 2],
    [3, 4],
  ],
  0,
);

describe('states of a sequence of graphs', () => {
  it('start as zeros and keep the rows that earlier graphs wrote', async () => {
    const [prompt, step, later] = await runAll([PROMPT, cacheStep([[5, 6]], 2), readingStep()]);
    expect(prompt!.values['k']).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
    expect(step!.values['k']).toEqual([1, 2, 3, 4, 5, 6, 0, 0]);
    expect(later!.values['k']).toEqual([1, 2, 3, 4, 5, 6, 0, 0]);
  });

  it('are those of the sequence: another one starts with zeros', async () => {
    await runAll([PROMPT]);
    const [fresh] = await runAll([readingStep()]);
    expect(fresh!.values['k']).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('pass unharmed through a graph that does not have them', async () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', [2, 1, 1, 1]);
    g.node('sum', 'ADD', [2, 1, 1, 1], [x, x]);
    const between = { graph: g.build(), inputs: { 'leaf:x': Float32Array.of(1, 2) } };
    const runs = await runAll([PROMPT, between, readingStep()]);
    expect(runs[2]!.values['k']).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
  });

  it('may show fewer cells in a later graph, and refuse to show more than there are', async () => {
    const runs = await runAll([PROMPT, readingStep(1), readingStep()]);
    expect(runs.map((r) => r.values['k'])).toEqual([
      [1, 2, 3, 4, 0, 0, 0, 0],
      [1, 2],
      [1, 2, 3, 4, 0, 0, 0, 0],
    ]);
    await expect(runAll([PROMPT, readingStep(CELLS + 1)])).rejects.toThrow(
      "state cache_k_l0 has 16 bytes; this step's F16 [2, 5, 1, 1] needs 20",
    );
  });

  it('carry a recurrent state that each graph replaces', async () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', [2, 1, 1, 1]);
    const state = g.leaf('state', 'cache_s_l0', [2, 1, 1, 1]);
    const sum = g.node('sum', 'ADD', [2, 1, 1, 1], [state, x]);
    g.node('write', 'CPY', [2, 1, 1, 1], [sum, state], { viewOf: state });
    const step = { graph: g.build(), inputs: { 'leaf:x': Float32Array.of(1, 10) } };
    const runs = await runAll([step, step, step]);
    expect(runs.map((r) => r.values['sum'])).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    expect(Object.keys(runs[0]!.values)).toEqual(['sum']);
  });

  it('are told apart where two have one name', async () => {
    const ne: Dims = [2, 1, 1, 1];
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', ne);
    const [first, second] = [g.leaf('state', 'cache_k_l0', ne), g.leaf('state', 'cache_k_l0', ne)];
    const sums = [first, second].map((state, i) => g.node(`sum ${i}`, 'ADD', ne, [state, x]));
    g.node('write', 'CPY', ne, [sums[1], second], { viewOf: second });
    const { tensors, order } = g.build();
    const graph = { order, tensors: tensors.map((t) => (t.id === second ? { ...t, state: 'cache_k_l0@2' } : t)) };
    const step = { graph, inputs: { 'leaf:x': Float32Array.of(1, 10) } };
    const runs = await runAll([step, step]);
    expect(runs.map((r) => r.values)).toEqual([
      { 'sum 0': [1, 10], 'sum 1': [1, 10] },
      { 'sum 0': [1, 10], 'sum 1': [2, 20] },
    ]);
  });

  it('are apart for each arithmetic', async () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', [1, 1, 1, 1]);
    const state = g.leaf('state', 'cache_s_l0', [1, 1, 1, 1]);
    const gelu = g.node('gelu', 'UNARY', [1, 1, 1, 1], [x], { kind: 'GELU', params: [8] });
    g.node('write', 'CPY', [1, 1, 1, 1], [gelu, state], { viewOf: state });
    const r = new GraphBuilder();
    const old = r.leaf('state', 'cache_s_l0', [1, 1, 1, 1]);
    r.node('read', 'CPY', [1, 1, 1, 1], [old]);
    const steps = [
      { graph: g.build(), inputs: { 'leaf:x': Float32Array.of(0.3337) } },
      { graph: r.build(), inputs: {} },
    ];
    const [first, second] = await runAll(steps, ['exact', 'ggml']);
    expect(first!.values['gelu']).not.toEqual(first!.values['gelu ggml']);
    expect(second!.values['read']).toEqual(first!.values['gelu']);
    expect(second!.values['read ggml']).toEqual(first!.values['gelu ggml']);
  });
});

describe('a state that nobody knows', () => {
  const reason = 'not measured: its input leaf:cache_k_l0 is not known';

  it('stays unknown in the graphs after the one that could not write it', async () => {
    const g = new GraphBuilder();
    const ne: Dims = [2, CELLS, 1, 1];
    const x = g.leaf('input', 'x', [2, 1, 1, 1]);
    const cache = g.leaf('state', 'cache_k_l0', ne, 'F16');
    const trained = g.node('trained', 'OPT_STEP_ADAMW', [2, 1, 1, 1], [x]);
    const at = g.leaf('input', 'at', [1, 1, 1, 1], 'I32');
    g.node('write', 'SET_ROWS', ne, [trained, at], { type: 'F16', viewOf: cache });
    const inputs = { 'leaf:x': Float32Array.of(1, 2), 'leaf:at': Int32Array.of(0) };
    const runs = await runAll([{ graph: g.build(), inputs }, cacheStep([[5, 6]], 1), readingStep()]);
    expect(runs[0]!.missing).toEqual({
      trained: 'not measured: OPT_STEP_ADAMW',
      write: 'not measured: its input trained is not known',
    });
    expect(runs.slice(1)).toEqual([
      { values: {}, missing: { k: reason } },
      { values: {}, missing: { k: reason } },
    ]);
  });

  it('leaves other states known', async () => {
    const g = new GraphBuilder();
    const ne: Dims = [2, 1, 1, 1];
    const x = g.leaf('input', 'x', ne);
    const [bad, good] = ['cache_s_l0', 'cache_s_l1'].map((name) => g.leaf('state', name, ne));
    const trained = g.node('trained', 'OPT_STEP_ADAMW', ne, [x]);
    g.node('write bad', 'CPY', ne, [trained], { viewOf: bad! });
    g.node('write good', 'CPY', ne, [x], { viewOf: good! });
    const r = new GraphBuilder();
    for (const name of ['cache_s_l0', 'cache_s_l1']) r.node(`read ${name}`, 'CPY', ne, [r.leaf('state', name, ne)]);
    const [, second] = await runAll([
      { graph: g.build(), inputs: { 'leaf:x': Float32Array.of(1, 2) } },
      { graph: r.build(), inputs: {} },
    ]);
    expect(second!.values).toEqual({ 'read cache_s_l1': [1, 2] });
    expect(second!.missing).toEqual({ 'read cache_s_l0': 'not measured: its input leaf:cache_s_l0 is not known' });
  });
});

describe('states of a partial run', () => {
  it('are kept where the part does not touch them', async () => {
    const states = new StateMemories();
    await runAll([PROMPT], ['exact'], states);
    const { graph, inputs } = cacheStep([[5, 6]], 2);
    await executeGraph(
      {
        graph,
        weights: weightsOf({}),
        captured: checkpointsOf('the capture', inputs),
        mode: { kind: 'free' },
        control: freely,
        states,
        part: planPart(graph, new Set()),
      },
      {
        arithmetics: ['exact'],
        engine: createInlineEngine(),
        onNode: ({ tensor }) => expect.fail(`${tensor.key} ran`),
        onNotMeasured: (tensor) => expect.fail(`${tensor.key} was tried`),
      },
    );
    const [later] = await runAll([readingStep()], ['exact'], states);
    expect(later!.values['k']).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
  });
});
