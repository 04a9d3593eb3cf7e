import { describe, expect, it } from 'vitest';

import type { NodeId } from '../../../src/shared/base/brand';
import type { Graph } from '../../../src/shared/graph/graph';
import { isComputing, tensorOf } from '../../../src/shared/graph/graph';
import { nodesOfLayers, nodesUpTo, planPart } from '../../../src/shared/graph/part';
import type { ExecutionMode, PartialRun } from '../../../src/shared/ops/executor';
import { executeGraph } from '../../../src/shared/ops/executor';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import type { Checkpoints } from '../../../src/shared/ops/run-memory';
import { MemoryTrace } from '../trace/memory-trace';
import { checkpointsOf, GraphBuilder, weightsOf } from './graph-builder';
import { freely, layeredGraph, layeredInputs, layeredWeights } from './layered-graph';
import { floatBits } from './op-helpers';

interface Run {
  readonly graph: Graph;
  readonly captured: Checkpoints;
  readonly part?: PartialRun;
  readonly mode?: ExecutionMode;
  readonly weights?: ReturnType<typeof weightsOf>;
}

/** A run's results, and reasons of what was not measured, by key. */
async function run({ graph, captured, part, mode = { kind: 'free' }, weights = weightsOf({}) }: Run) {
  const values = new Map<string, Float32Array>();
  const missing = new Map<string, string>();
  await executeGraph(
    { graph, weights, captured, mode, control: freely, ...(part ? { part } : {}) },
    {
      arithmetics: ['exact'],
      engine: createInlineEngine(),
      onNode: ({ tensor, results }) => void values.set(tensor.key, results.exact),
      onNotMeasured: (tensor, reason) => void missing.set(tensor.key, reason),
    },
  );
  return { values, missing };
}

const NE = [4, 1, 1, 1] as const;
const vector = (...values: number[]): Float32Array => Float32Array.from(values);
const inputs = { 'leaf:x': vector(1, 2, 3, 4) };

describe('a part on the values of the whole', () => {
  const graph = layeredGraph(3);
  const weights = layeredWeights();
  const captured = layeredInputs(3);

  /** Runs `wanted` on what a whole run computed; every result must have its bits. */
  async function expectSame(wanted: ReadonlySet<NodeId>, whole: ReadonlyMap<string, Float32Array>): Promise<void> {
    const part = planPart(graph, wanted);
    const given = MemoryTrace.of('the whole run', Object.fromEntries(whole));
    const { values, missing } = await run({ graph, captured, weights, part: { ...part, values: given } });
    const computing = [...part.runs].map((id) => tensorOf(graph, id)).filter((t) => isComputing(graph, t));
    expect([...missing]).toEqual([]);
    expect(new Set(values.keys())).toEqual(new Set(computing.map((t) => t.key)));
    for (const [key, own] of values) expect([key, own]).toEqual([key, whole.get(key)]);
  }

  it('has the same bits for every single node, every beginning, and every range of layers', async () => {
    const { values: whole } = await run({ graph, captured, weights });
    expect(whole.size).toBe(20);
    for (const id of graph.order) {
      await expectSame(new Set([id]), whole);
      await expectSame(nodesUpTo(graph, tensorOf(graph, id).key)!, whole);
    }
    for (let from = 0; from < 3; from++) {
      for (let to = from; to < 3; to++) await expectSame(nodesOfLayers(graph, from, to), whole);
    }
  });

  it('has the same bits for whatever mixture of nodes', async () => {
    const { values: whole } = await run({ graph, captured, weights });
    for (let seed = 1; seed <= 30; seed++) {
      await expectSame(new Set(graph.order.filter((_, i) => ((seed * 2654435761) >>> (i % 29)) % 3 === 0)), whole);
    }
  });
});

/** a = x + x, b = 2a, c = b², of which c runs. */
function chain(): { graph: Graph; part: PartialRun } {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', NE);
  const a = g.node('a', 'ADD', NE, [x, x]);
  const b = g.node('b', 'SCALE', NE, [a], { params: [floatBits(2), 0] });
  const c = g.node('c', 'MUL', NE, [b, b]);
  const graph = g.build();
  return { graph, part: planPart(graph, new Set([c])) };
}

describe('given values', () => {
  const { graph, part } = chain();
  const captured = checkpointsOf('the capture', { ...inputs, b: vector(1, 1, 1, 1) });
  const seed = checkpointsOf('the seed', { b: vector(2, 2, 2, 2) });
  const values = checkpointsOf('the lane before', { b: vector(3, 3, 3, 3) });
  const mode = { kind: 'seeded', seed } as const;
  const none = checkpointsOf('another lane', {});

  it.each([
    ['those of the part first', { part: { ...part, values }, mode }, 9],
    ["the seed's next", { part: { ...part, values: none }, mode }, 4],
    ['the captured ones last', { part: { ...part, values: none } }, 1],
    ['the captured ones where the part has none at all', { part }, 1],
  ])('are %s', async (_which, how: Partial<Run>, squared) => {
    const { values: got, missing } = await run({ graph, captured, ...how });
    expect([...got]).toEqual([['c', vector(squared, squared, squared, squared)]]);
    expect(missing.size).toBe(0);
  });

  it('make unknown what reads them where nobody has them, and nothing else', async () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', NE);
    const a = g.node('a', 'ADD', NE, [x, x]);
    const view = g.node('view:a', 'VIEW', [2, 1, 1, 1], [a], { viewOf: a });
    const c = g.node('c', 'CONT', [2, 1, 1, 1], [view]);
    const d = g.node('d', 'ADD', NE, [x, x]);
    const without = g.build();
    const found = await run({
      graph: without,
      captured: checkpointsOf('the capture', inputs),
      part: planPart(without, new Set([c, d])),
    });
    expect([...found.missing]).toEqual([['c', 'not measured: its input a is not known']]);
    expect([...found.values]).toEqual([['d', vector(2, 4, 6, 8)]]);
  });

  it('of another size are one clear line', async () => {
    const short = checkpointsOf('the lane before', { b: vector(3) });
    await expect(run({ graph, captured, part: { ...part, values: short } })).rejects.toThrow(
      "the lane before: b has 1 elements; the graph's has 4",
    );
  });

  it('leave inputs of nodes outside the part unread', async () => {
    const { values: got } = await run({ graph, captured: seed, part });
    expect([...got.get('c')!]).toEqual([4, 4, 4, 4]);
  });
});

describe('given results in place', () => {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', NE);
  const a = g.node('a', 'ADD', NE, [x, x]);
  const tail = { viewOf: a, viewOffs: 8 };
  const half = g.node('view:a', 'VIEW', [2, 1, 1, 1], [a], tail);
  g.node('b', 'SCALE', [2, 1, 1, 1], [half], { params: [floatBits(-1), 0], ...tail });
  const c = g.node('c', 'CONT', NE, [a]);
  const graph = g.build();
  const part = planPart(graph, new Set([c]));

  it('lie over the memory that was given before', async () => {
    const captured = checkpointsOf('the capture', { a: vector(1, 2, 3, 4), b: vector(7, 8) });
    expect((await run({ graph, captured, part })).values.get('c')).toEqual(vector(1, 2, 7, 8));
  });

  it('stay unknown where that memory is', async () => {
    const captured = checkpointsOf('the capture', { b: vector(7, 8) });
    const { values, missing } = await run({ graph, captured, part });
    expect(values.size).toBe(0);
    expect([...missing]).toEqual([['c', 'not measured: its input a is not known']]);
  });

  it('make that memory unknown where only they are', async () => {
    const captured = checkpointsOf('the capture', { a: vector(1, 2, 3, 4) });
    const { values, missing } = await run({ graph, captured, part });
    expect(values.size).toBe(0);
    expect([...missing]).toEqual([['c', 'not measured: its input a is not known']]);
  });
});
