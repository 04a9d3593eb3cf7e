import { describe, expect, it } from 'vitest';

import { QuarrelError } from '../../../src/shared/base/errors';
import { parsePlacement, requireEffect, segmentsOf } from '../../../src/shared/divergence/placement';
import type { Graph } from '../../../src/shared/graph/graph';
import { tensorOf } from '../../../src/shared/graph/graph';
import { GraphBuilder } from '../ops/graph-builder';
import { layeredGraph } from '../ops/layered-graph';

describe('parsePlacement', () => {
  it.each([
    ['3:reference', [{ layers: { from: 3, to: 3 }, lane: 'reference' }]],
    ['0-3:webgpu', [{ layers: { from: 0, to: 3 }, lane: 'webgpu' }]],
    ['2-2:webgpu', [{ layers: { from: 2, to: 2 }, lane: 'webgpu' }]],
    ['4-:webgpu', [{ layers: { from: 4, to: Infinity }, lane: 'webgpu' }]],
    ['embd:reference', [{ layers: 'embd', lane: 'reference' }]],
    ['output:reference', [{ layers: 'output', lane: 'reference' }]],
    ['0-:webgpu@/opt/kernels:2', [{ layers: { from: 0, to: Infinity }, lane: 'webgpu@/opt/kernels:2' }]],
    [
      ' 0:reference , 1-:webgpu ',
      [
        { layers: { from: 0, to: 0 }, lane: 'reference' },
        { layers: { from: 1, to: Infinity }, lane: 'webgpu' },
      ],
    ],
  ])('%s', (text, rules) => {
    expect(parsePlacement(text)).toEqual(rules);
  });

  it.each([
    ['', '""'],
    ['reference', '"reference"'],
    ['0:', '"0:"'],
    [':reference', '":reference"'],
    ['-3:reference', '"-3:reference"'],
    ['1.5:reference', '"1.5:reference"'],
    ['0-1-2:reference', '"0-1-2:reference"'],
    ['all:reference', '"all:reference"'],
    ['Output:reference', '"Output:reference"'],
    ['0:reference,', '""'],
    ['0:reference,x:webgpu', '"x:webgpu"'],
  ])('refuses %j and quotes the rule', (text, quoted) => {
    expect(() => parsePlacement(text)).toThrow(QuarrelError);
    expect(() => parsePlacement(text)).toThrow(`placement ${quoted}: LAYERS:LANE, as 0:reference,1-:webgpu`);
  });

  it('refuses a range that ends before it begins', () => {
    expect(() => parsePlacement('0-1:reference,5-3:webgpu')).toThrow('placement "5-3:webgpu": layers 5 to 3');
  });
});

/** Lane and first and last key of every segment. */
function cut(graph: Graph, rules: string): [string, string, string][] {
  const segments = segmentsOf(graph, parsePlacement(rules));
  expect(segments.flatMap((s) => [...s.nodes])).toEqual(graph.order);
  return segments.map(({ lane, nodes }) => {
    const keys = [...nodes].map((id) => tensorOf(graph, id).key);
    return [lane, keys[0]!, keys.at(-1)];
  });
}

describe('segmentsOf', () => {
  const graph = layeredGraph(1);

  it('puts what lies before the first layer and after the last on their lanes', () => {
    expect(cut(graph, '0:a,1-:b')).toEqual([
      ['a', 'embd', 'l_out-0'],
      ['b', 'q-1', 'q-2'],
      // Layer 2 looks at the cache of layer 0: a view that belongs to that one, as its name says.
      ['a', 'cache_k_l0 (view) for 2', 'cache_k_l0 (view) for 2'],
      ['b', 'kq-2', 'result_output'],
    ]);
  });

  it('is one segment where all layers are on one lane', () => {
    expect(cut(graph, '0-:a')).toEqual([['a', 'embd', 'result_output']]);
    expect(cut(graph, '0:a,1:a,2:a')).toEqual([['a', 'embd', 'result_output']]);
  });

  it('takes embd and output where rules name them, wherever these stand', () => {
    expect(cut(graph, 'output:c,0-:a,embd:b')).toEqual([
      ['b', 'embd', 'embd'],
      ['a', 'q-0', 'l_out-2'],
      ['c', 'result_norm', 'result_output'],
    ]);
  });

  it('takes the first rule that has a layer', () => {
    expect(cut(graph, '1:b,0-:a').map(([lane]) => lane)).toEqual(['a', 'b', 'a']);
    expect(cut(graph, '0-:a,1:b').map(([lane]) => lane)).toEqual(['a']);
  });

  it('leaves a node without a layer, inside the layers, with what stands before it', () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', [4, 1, 1, 1]);
    for (const name of ['q-0', 'mask', 'node_2', 'q-1', 'positions', 'l_out-1', 'result_norm']) {
      g.node(name, 'ADD', [4, 1, 1, 1], [x, x]);
    }
    expect(cut(g.build(), '0:a,1:b,output:c')).toEqual([
      ['a', 'q-0', 'node_2'],
      ['b', 'q-1', 'l_out-1'],
      ['c', 'result_norm', 'result_norm'],
    ]);
  });

  it('puts what comes after the last layer on its lane, also where a view of another one stands between', () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', [4, 1, 1, 1]);
    for (const name of ['q-0', 'l_out-1', 'cache_k_l0 (view)', 'result_norm'])
      g.node(name, 'ADD', [4, 1, 1, 1], [x, x]);
    expect(cut(g.build(), '0:a,1:b').at(-1)).toEqual(['b', 'result_norm', 'result_norm']);
  });

  it.each([
    ['0:a,2:b', 'layer 1 is placed on no lane: LAYERS:LANE, as 0:reference,1-:webgpu'],
    ['1-:a', 'layer 0 is placed on no lane'],
    ['embd:a,output:b,0-1:c', 'layer 2 is placed on no lane'],
  ])('refuses %s, which leaves a layer without a lane', (rules, message) => {
    expect(() => segmentsOf(graph, parsePlacement(rules))).toThrow(QuarrelError);
    expect(() => segmentsOf(graph, parsePlacement(rules))).toThrow(message);
  });
});

describe('rules that place nothing', () => {
  const layers = new Set([0, 1, 2]);

  it.each(['0-:a', '0:a,1-:b', 'embd:a,0-1:b,2:c,output:a', '0-1:a,1-:b'])('%s are fine', (rules) => {
    expect(() => requireEffect(parsePlacement(rules), layers)).not.toThrow();
  });

  it.each([
    ['0-:a,7:b', 'placement 7:b: the model has layers 0 to 2'],
    ['3-:a,0-2:b', 'placement 3-:a: the model has layers 0 to 2'],
    ['0-:a,1-2:b', 'placement 1-2:b places nothing: earlier rules have its layers already'],
    ['0-1:a,2-:b,1-2:c', 'placement 1-2:c places nothing'],
    ['embd:a,0-:b,embd:c', 'placement embd:c is placed twice'],
  ])('%s is refused', (rules, message) => {
    expect(() => requireEffect(parsePlacement(rules), layers)).toThrow(message);
  });
});
