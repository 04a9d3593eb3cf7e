import { describe, expect, it } from 'vitest';

import type { NodeId } from '../../../src/shared/base/brand';
import type { Graph } from '../../../src/shared/graph/graph';
import { isComputing, tensorOf } from '../../../src/shared/graph/graph';
import { nodesOfLayers, nodesUpTo, planPart } from '../../../src/shared/graph/part';
import { GraphBuilder } from '../ops/graph-builder';
import { layeredGraph } from '../ops/layered-graph';

const NE = [4, 1, 1, 1] as const;

const keysOf = (graph: Graph, ids: Iterable<NodeId>): string[] =>
  [...ids].sort((a, b) => a - b).map((id) => tensorOf(graph, id).key);

/** The part that these nodes need, in keys and graph order. */
function part(graph: Graph, ...wanted: readonly string[]): { runs: string[]; given: string[] } {
  const ids = graph.order.filter((id) => wanted.includes(tensorOf(graph, id).key));
  expect(ids).toHaveLength(wanted.length);
  const { runs, given } = planPart(graph, new Set(ids));
  return { runs: keysOf(graph, runs), given: keysOf(graph, given) };
}

describe('planPart on views and results in place', () => {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', NE);
  const w = g.leaf('weight', 'w', NE);
  const a = g.node('a', 'ADD', NE, [x, w]);
  const before = g.node('before', 'ADD', NE, [a, x]);
  const b = g.node('b', 'SCALE', NE, [a], { viewOf: a });
  const view = g.node('view:b', 'VIEW', [2, 1, 1, 1], [b], { viewOf: a, viewOffs: 8 });
  const turned = g.node('view:turned', 'TRANSPOSE', [1, 2, 1, 1], [view], { viewOf: a, viewOffs: 8 });
  g.node('c', 'CONT', [1, 2, 1, 1], [turned]);
  g.node('late', 'ADD', NE, [a, before]);
  const graph = g.build();

  it('gives what a node reads, not what views show, and neither weights nor inputs', () => {
    expect(part(graph, 'before')).toEqual({ runs: ['before'], given: ['a'] });
    expect(part(graph, 'a')).toEqual({ runs: ['a'], given: [] });
  });

  it('gives a result in place together with the memory it lies in', () => {
    expect(part(graph, 'c')).toEqual({ runs: ['c'], given: ['a', 'b'] });
    expect(part(graph, 'view:turned', 'c')).toEqual({ runs: ['view:turned', 'c'], given: ['a', 'b'] });
  });

  it('gives what is overwritten to the node that overwrites it', () => {
    expect(part(graph, 'b')).toEqual({ runs: ['b'], given: ['a'] });
    expect(part(graph, 'b', 'c')).toEqual({ runs: ['b', 'c'], given: ['a'] });
  });

  it('does not give memory that a node of the part makes', () => {
    expect(part(graph, 'a', 'c')).toEqual({ runs: ['a', 'c'], given: ['b'] });
    expect(part(graph, 'a', 'late')).toEqual({ runs: ['a', 'late'], given: ['before', 'b'] });
  });

  it('gives every result that lies in the memory that is read', () => {
    const halves = new GraphBuilder();
    const input = halves.leaf('input', 'x', NE);
    const whole = halves.node('whole', 'ADD', NE, [input, input]);
    for (const [key, viewOffs] of [
      ['first', 0],
      ['second', 8],
    ] as const) {
      halves.node(key, 'SCALE', [2, 1, 1, 1], [whole], { viewOf: whole, viewOffs });
    }
    halves.node('reader', 'CONT', NE, [whole]);
    expect(part(halves.build(), 'reader')).toEqual({ runs: ['reader'], given: ['whole', 'first', 'second'] });
    expect(part(halves.build(), 'first', 'reader')).toEqual({ runs: ['first', 'reader'], given: ['whole', 'second'] });
  });

  it('needs nothing for the whole graph, and nothing for views alone', () => {
    expect(planPart(graph, new Set(graph.order))).toEqual({ runs: new Set(graph.order), given: new Set() });
    expect(part(graph, 'view:b')).toEqual({ runs: ['view:b'], given: [] });
    expect(planPart(graph, new Set())).toEqual({ runs: new Set(), given: new Set() });
  });
});

describe('planPart on states', () => {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', NE);
  const state = g.leaf('state', 'cache_r_l0', NE);
  const idle = g.leaf('state', 'cache_r_l1', NE);
  const old = g.node('old', 'ADD', NE, [state, x]);
  const a = g.node('a', 'ADD', NE, [old, x]);
  g.node('write a', 'CPY', [2, 1, 1, 1], [a, state], { viewOf: state });
  const b = g.node('b', 'MUL', NE, [a, x]);
  const flat = g.node('view:b', 'RESHAPE', NE, [b], { viewOf: b });
  g.node('write b', 'SET_ROWS', NE, [flat, x], { viewOf: state });
  const read = g.node('view:state', 'VIEW', NE, [state], { viewOf: state });
  g.node('reader', 'ADD', NE, [read, x]);
  g.node('write last', 'CPY', NE, [old, state], { viewOf: state });
  g.node('idle reader', 'ADD', NE, [idle, x]);
  const graph = g.build();

  it('pulls in every write into the state before the reader, and gives what they write', () => {
    expect(part(graph, 'reader')).toEqual({ runs: ['write a', 'write b', 'reader'], given: ['a', 'b'] });
  });

  it('runs what is wanted of them and gives the rest', () => {
    expect(part(graph, 'b', 'reader')).toEqual({ runs: ['write a', 'b', 'write b', 'reader'], given: ['a'] });
    expect(part(graph, 'a', 'reader')).toEqual({ runs: ['a', 'write a', 'write b', 'reader'], given: ['old', 'b'] });
  });

  it('leaves a state that this graph has not written yet to the run before', () => {
    expect(part(graph, 'old')).toEqual({ runs: ['old'], given: [] });
    expect(part(graph, 'idle reader')).toEqual({ runs: ['idle reader'], given: [] });
  });

  it('pulls in the writes that a write comes on top of', () => {
    expect(part(graph, 'write b')).toEqual({ runs: ['write a', 'write b'], given: ['a', 'b'] });
    expect(part(graph, 'write last')).toEqual({ runs: ['write a', 'write b', 'write last'], given: ['old', 'a', 'b'] });
  });
});

describe('planPart on layers that share a cache', () => {
  const graph = layeredGraph(2);
  const layer = (from: number, to: number): { runs: string[]; given: string[] } =>
    part(graph, ...keysOf(graph, nodesOfLayers(graph, from, to)));

  it('lets a layer write the cache of another that it reads', () => {
    const { runs, given } = layer(2, 2);
    expect(runs).toEqual(['cache_k_l0 (view)', 'q-2', 'kq-2', 'node_2', 'kqv-2', 'l_out-2']);
    expect(given).toEqual(['k-0', 'l_out-1']);
  });

  it('takes from a layer before only what it hands on', () => {
    expect(layer(1, 1).given).toEqual(['l_out-0']);
    expect(layer(0, 0).given).toEqual(['embd']);
    expect(layer(1, 2).given).toEqual(['k-0', 'l_out-0']);
  });

  it('has for every subset each node that is read, either given or run, and never both', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const wanted = new Set(graph.order.filter((_, i) => ((seed * 2654435761) >>> (i % 29)) % 3 === 0));
      const { runs, given } = planPart(graph, wanted);
      for (const id of wanted) expect(runs).toContain(id);
      for (const id of given) {
        expect(runs).not.toContain(id);
        expect(isComputing(graph, tensorOf(graph, id))).toBe(true);
      }
      for (const id of runs) {
        const { op, src } = tensorOf(graph, id);
        if (op === 'VIEW') continue;
        const read = src.filter((s) => s !== undefined && isComputing(graph, tensorOf(graph, s)));
        for (const source of read) expect(runs.has(source!) || given.has(source!)).toBe(true);
      }
    }
  });
});

describe('nodesUpTo', () => {
  const graph = layeredGraph(1);
  it('takes everything before the node and the node', () => {
    const nodes = nodesUpTo(graph, 'q-1')!;
    expect(keysOf(graph, nodes).at(-1)).toBe('q-1');
    expect(nodes.size).toBe(graph.order.findIndex((id) => tensorOf(graph, id).key === 'q-1') + 1);
    expect(nodesUpTo(graph, 'result_output')!.size).toBe(graph.order.length);
  });
  it('is undefined for a node that the graph does not have', () => {
    expect(nodesUpTo(graph, 'q-9')).toBeUndefined();
    expect(nodesUpTo(graph, 'leaf:x')).toBeUndefined();
  });
});

describe('nodesOfLayers', () => {
  const graph = layeredGraph(1);
  it('takes both ends and the nodes without a name of their own', () => {
    expect(keysOf(graph, nodesOfLayers(graph, 1, 1))).toEqual([
      ...['q-1', 'k-1', 'cache_k_l1 (view)', 'cache_k_l1 (view) for 1', 'kq-1', 'node_1', 'kqv-1', 'l_out-1'],
    ]);
    const all = keysOf(graph, nodesOfLayers(graph, 0, 99));
    expect(all.slice(0, 2)).toEqual(['q-0', 'k-0']);
    expect(all.at(-1)).toBe('l_out-2');
  });
  it('is empty where there are no such layers', () => {
    expect(nodesOfLayers(graph, 3, 8).size).toBe(0);
  });
});
