import { describe, expect, it } from 'vitest';

import type { Graph } from '../../../src/shared/graph/graph';
import { isAlias, isComputing, isStateWrite, layerAfter, layersOf, tensorOf } from '../../../src/shared/graph/graph';
import { GraphBuilder } from '../ops/graph-builder';

const NE = [4, 1, 1, 1] as const;

describe('layerAfter', () => {
  it.each([
    ['Kcur-3', 3],
    ['Kcur-3 (view)', 3],
    ['Kcur-3 (view) (cont)', 3],
    ['l_out-12', 12],
    ['cache_k_l2', 2],
    ['cache_k_l2 (view)', 2],
    ['cache_v_l31 (view) (permuted)', 31],
    ['cache_r_l0 (reshaped)', 0],
    ['cache_k_l2 (copy of Kcur-5)', 2],
  ])('reads the layer of %j, wherever it stands', (name, layer) => {
    expect([undefined, 0, 7].map((current) => layerAfter(name, current))).toEqual([layer, layer, layer]);
  });

  it.each(['', 'node_17', ' (view)', 'node_17 (reshaped) (cont)'])('leaves %j in the layer before it', (name) => {
    expect([undefined, 0, 7].map((current) => layerAfter(name, current))).toEqual([undefined, 0, 7]);
  });

  it.each(['result_norm', 'result_output', 'inp_embd', 'attn_inp_kq_mask (copy)', 'cache_k_l', 'node_17x', 'leaf_3'])(
    'knows no layer of %j',
    (name) => {
      expect([undefined, 0, 7].map((current) => layerAfter(name, current))).toEqual([undefined, undefined, undefined]);
    },
  );
});

function graphOfNames(names: readonly string[]): Graph {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', NE);
  for (const name of names) g.node(name, 'ADD', NE, [x, x]);
  return g.build();
}

describe('layersOf', () => {
  it('gives nodes without a name the layer they follow, none before the first layer and after the last', () => {
    const graph = graphOfNames(['node_0', 'embd', 'q-0', 'node_3', '', 'cache_k_l0 (view)', 'l_out-0', 'q-1']);
    expect([...layersOf(graph).values()]).toEqual([undefined, undefined, 0, 0, 0, 0, 0, 1]);
    const end = graphOfNames(['l_out-1', 'node_1', 'result_norm', 'node_3', 'result_output']);
    expect([...layersOf(end).values()]).toEqual([1, 1, undefined, undefined, undefined]);
  });

  it('names every node of the order and no leaf', () => {
    const graph = graphOfNames(['embd', 'q-0']);
    expect([...layersOf(graph).keys()]).toEqual(graph.order);
  });
});

describe('what a node is', () => {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', NE);
  const state = g.leaf('state', 'cache_r_l0', NE);
  const a = g.node('a', 'ADD', NE, [x, x]);
  g.node('view', 'VIEW', NE, [a], { viewOf: a });
  g.node('in place', 'SCALE', NE, [a], { viewOf: a });
  g.node('copy into a', 'CPY', NE, [x, a], { viewOf: a });
  g.node('copy into the state', 'CPY', NE, [a, state], { viewOf: state });
  g.node('rows into the state', 'SET_ROWS', NE, [a, x], { viewOf: state });
  g.node('view of the state', 'VIEW', NE, [state], { viewOf: state });
  const graph = g.build();
  const nodes = graph.order.map((id) => tensorOf(graph, id));
  const keys = (is: (key: (typeof nodes)[number]) => boolean): string[] => nodes.filter(is).map((t) => t.key);

  it('computes a result of its own unless it is a view or writes into a state', () => {
    expect(keys((t) => isComputing(graph, t))).toEqual(['a', 'in place', 'copy into a']);
  });
  it('writes into a state as SET_ROWS or CPY', () => {
    expect(keys((t) => isStateWrite(graph, t))).toEqual(['copy into the state', 'rows into the state']);
  });
  it('is an alias when it only looks at memory', () => {
    expect(keys(isAlias)).toEqual(['view', 'view of the state']);
  });
});
