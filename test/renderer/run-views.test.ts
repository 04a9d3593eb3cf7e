import { describe, expect, it } from 'vitest';
import { groupTensors } from '../../src/renderer/ui/components/group-tensors';
import { noiseScale } from '../../src/renderer/ui/verdict/noise-scale';
import { worstOfGroup } from '../../src/renderer/ui/components/worst-of-group';
import { withProgress } from '../../src/renderer/ui/stores/job-state';
import { worstLane } from '../../src/renderer/ui/stores/worst-lane';
import type { TensorReport } from '../../src/shared/gguf/inspect-report';
import { measured, missing, nodeRow, run } from './node-rows';

describe('worstLane', () => {
  it('is the candidate with the largest error, non-finite first', () => {
    const labels = ['llama', 'reference', 'webgpu', 'trace:x'];
    const nodes = [
      nodeRow('a', 0, measured(), measured(1e-4), measured(0.5), missing),
      nodeRow('b', 0, measured(), measured(1e-3), measured(1e-6), missing),
    ];
    expect(worstLane(run(labels, nodes))).toBe(2);
    nodes.push(nodeRow('c', 0, measured(), measured(Infinity), measured(0), missing));
    expect(worstLane(run(labels, nodes))).toBe(1);
  });

  it('is none without candidates', () => {
    expect(worstLane(run(['llama'], [nodeRow('a', 0, measured())]))).toBeUndefined();
  });
});

describe('worstOfGroup', () => {
  const nodes = [
    nodeRow('a', 0, measured(), measured(1e-4)),
    nodeRow('b', 0, measured(), missing),
    nodeRow('c', 0, measured(), measured(1e-2)),
    nodeRow('d', 1, measured(), missing),
  ];
  const summary = run(['llama', 'webgpu'], nodes);

  it('names the node with the largest error and counts what was not measured', () => {
    const group = { kind: 'layer', layer: 0, start: 0, end: 3 } as const;
    expect(worstOfGroup(summary, group, 1)).toEqual({ node: 2, nmse: 1e-2, notMeasured: 1 });
  });

  it('never calls an unmeasured layer equal', () => {
    const group = { kind: 'layer', layer: 1, start: 3, end: 4 } as const;
    expect(worstOfGroup(summary, group, 1).node).toBeUndefined();
  });
});

describe('groupTensors', () => {
  const tensor = (name: string, layer: number | null): TensorReport => {
    return { name, type: 'Q4_K', ne: [256, 4], bytes: 576, offset: 0, shard: 0, layer, notDecodable: null };
  };
  const tensors = [tensor('blk.10.a', 10), tensor('blk.2.a', 2), tensor('output.weight', null), tensor('blk.2.b', 2)];

  it('orders by layer number, those outside layers first', () => {
    expect(groupTensors(tensors, '').map((g) => [g.label, g.tensors.length, g.bytes])).toEqual([
      ['Outside layers', 1, 576],
      ['Layer 2', 2, 1152],
      ['Layer 10', 1, 576],
    ]);
  });

  it('filters by name or type, whatever the case', () => {
    expect(groupTensors(tensors, 'BLK.2.').flatMap((g) => g.tensors.map((t) => t.name))).toEqual([
      'blk.2.a',
      'blk.2.b',
    ]);
    expect(groupTensors(tensors, 'q4_k')).toHaveLength(3);
    expect(groupTensors(tensors, 'q8')).toEqual([]);
  });
});

describe('noiseScale', () => {
  it('holds error and floor with room around them', () => {
    const scale = noiseScale(1.59, 5.8e-5);
    expect(scale.floor).toBeGreaterThan(0);
    expect(scale.floor).toBeLessThan(scale.error);
    expect(scale.error).toBeLessThan(1);
    expect(scale.ticks.length).toBeLessThanOrEqual(9);
    expect(scale.ticks).toContain(0);
  });

  it.each([
    [Infinity, 1e-6],
    [0, 1e-6],
    [1e-6, 0],
    [0, 0],
  ])('draws error %d over floor %d', (error, floor) => {
    const scale = noiseScale(error, floor);
    for (const position of [scale.floor, scale.error]) {
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position).toBeLessThanOrEqual(1);
    }
    expect(scale.high).toBeGreaterThan(scale.low);
  });
});

describe('withProgress', () => {
  it('keeps stages in order of appearance and updates them in place', () => {
    const progress = (stage: string, done: number) => ({ stage, done, total: 2 });
    let stages = withProgress([], progress('capture', 1));
    stages = withProgress(stages, progress('run', 1));
    stages = withProgress(stages, progress('capture', 2));
    expect(stages.map((s) => [s.name, s.progress.done])).toEqual([
      ['capture', 2],
      ['run', 1],
    ]);
  });
});
