import { describe, expect, it } from 'vitest';
import { groupIndexOf, groupNodes, layoutTimeline, nodeAt } from '../../src/renderer/ui/timeline/layout';
import { measured, missing, nodeRow } from './node-rows';

const pass = [
  nodeRow('embd', undefined, measured()),
  nodeRow('norm-0', 0, measured()),
  nodeRow('node_7', undefined, measured()),
  nodeRow('l_out-0', 0, measured()),
  nodeRow('norm-1', 1, measured()),
  nodeRow('norm', undefined, measured()),
  nodeRow('result_output', undefined, measured()),
];

describe('groupNodes', () => {
  it('makes input, layers and output, and keeps unnamed nodes with the layer around them', () => {
    expect(groupNodes(pass)).toEqual([
      { kind: 'input', layer: undefined, start: 0, end: 1 },
      { kind: 'layer', layer: 0, start: 1, end: 4 },
      { kind: 'layer', layer: 1, start: 4, end: 5 },
      { kind: 'output', layer: undefined, start: 5, end: 7 },
    ]);
  });

  it('takes a graph without layers as one input group', () => {
    expect(groupNodes(pass.slice(5))).toEqual([{ kind: 'input', layer: undefined, start: 0, end: 2 }]);
    expect(groupNodes([])).toEqual([]);
  });

  it('finds the group of a node', () => {
    const groups = groupNodes(pass);
    expect([0, 1, 3, 4, 6, 7].map((i) => groupIndexOf(groups, i))).toEqual([0, 1, 1, 2, 3, -1]);
  });
});

describe('layoutTimeline', () => {
  it('gives every node the same width', () => {
    const { edges } = layoutTimeline(pass, { kind: 'equal' });
    expect([...edges]).toEqual([0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1]);
  });

  it('gives widths by one lane’s time, with a least width for nodes that took none', () => {
    const nodes = [
      nodeRow('a', 0, measured(undefined, 900)),
      nodeRow('b', 0, measured(undefined, 100)),
      nodeRow('c', 0, missing),
    ];
    const { edges } = layoutTimeline(nodes, { kind: 'time', lane: 0 });
    const widths = [0, 1, 2].map((i) => edges[i + 1]! - edges[i]!);
    expect(widths[0]! / widths[1]!).toBeCloseTo(9);
    expect(widths[2]).toBeGreaterThan(0.01);
    expect(edges[3]).toBe(1);
  });

  it('falls back to equal widths on a lane without times', () => {
    const { edges } = layoutTimeline(pass, { kind: 'time', lane: 0 });
    expect(edges[1]).toBeCloseTo(1 / 7);
  });
});

describe('nodeAt', () => {
  const layout = layoutTimeline(pass, { kind: 'equal' });

  it('finds each node by any point inside it', () => {
    for (let i = 0; i < pass.length; i++) {
      expect(nodeAt(layout, layout.edges[i]! + 1e-9)).toBe(i);
      expect(nodeAt(layout, layout.edges[i + 1]! - 1e-9)).toBe(i);
    }
  });

  it('finds nothing outside', () => {
    expect(nodeAt(layout, -0.01)).toBeUndefined();
    expect(nodeAt(layout, 1.01)).toBeUndefined();
    expect(nodeAt(layout, NaN)).toBeUndefined();
    expect(nodeAt(layoutTimeline([], { kind: 'equal' }), 0.5)).toBeUndefined();
  });
});
