import { describe, expect, it } from 'vitest';
import type { CompareReport } from '../../../src/main/jobs/compare-traces';
import { layerEnds } from '../../../src/main/jobs/layer-ends';
import type { TensorMetrics } from '../../../src/shared/compare/comparison';

function report(nodes: Readonly<Record<string, number>>): CompareReport {
  return {
    schema: 'quarrel.compare/1',
    reference: 'a',
    candidate: 'b',
    maxNmse: 1,
    nodes: Object.entries(nodes).map(([key, nmse]) => ({ key, metrics: { nmse } as TensorMetrics })),
    differing: [],
    nanOnBoth: [],
    notCompared: [],
    alignment: [],
  };
}

describe('the ends of layers', () => {
  const right = report({
    embd: 1,
    'norm-0#0': 2,
    'l_out-0': 3,
    'norm-1#0': 4,
    'node_7#0': 5,
    result_norm: 6,
    result_output: 7,
    'step1/embd': 8,
    'step1/l_out-0': 9,
  });

  it('are the last nodes before the layers, of each, and after them', () => {
    const ends = layerEnds(right, report({ embd: 0, 'l_out-0': 0.5, result_output: 2 }), 0);
    expect(ends.map(({ layer, node, right: r, planted }) => [layer, node, r?.nmse, planted?.nmse])).toEqual([
      [null, 'embd', 1, 0],
      [0, 'l_out-0', 3, 0.5],
      [1, 'node_7#0', 5, undefined],
      [null, 'result_output', 7, 2],
    ]);
  });

  it('are those of one decode step', () => {
    const ends = layerEnds(right, report({ 'l_out-0': 1, 'step1/l_out-0': 10 }), 1);
    expect(ends.map(({ node, planted }) => [node, planted?.nmse])).toEqual([
      ['step1/embd', undefined],
      ['step1/l_out-0', 10],
    ]);
  });
});
