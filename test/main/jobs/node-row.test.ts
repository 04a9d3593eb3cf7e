import { describe, expect, it } from 'vitest';

import type { RunLane } from '../../../src/main/jobs/run-lanes';
import { nodeRow } from '../../../src/main/jobs/run-lanes';
import { defined } from '../../../src/shared/base/assert';
import type { NodeRow } from '../../../src/shared/compare/comparison';
import type { Graph } from '../../../src/shared/graph/graph';
import { isComputing, tensorOf } from '../../../src/shared/graph/graph';
import type { TraceManifest } from '../../../src/shared/trace/trace';
import { GraphBuilder } from '../../shared/ops/graph-builder';
import { layeredGraph } from '../../shared/ops/layered-graph';
import { MemoryTrace } from '../../shared/trace/memory-trace';

const computing = (graph: Graph) => graph.order.map((id) => tensorOf(graph, id)).filter((t) => isComputing(graph, t));

/** A trace with a value at every computing node but these. */
function traceWithout(graph: Graph, missing: readonly string[], about?: Partial<TraceManifest>): MemoryTrace {
  const base = {
    schema: 'quarrel.trace/1',
    model: 'm',
    stats: {},
    timings: {},
    notMeasured: [],
    provenance: {},
  } as const;
  const trace = new MemoryTrace('t', about && { ...base, ...about });
  for (const { key, ne } of computing(graph)) {
    const values = new Float32Array(ne[0] * ne[1] * ne[2] * ne[3]).fill(2);
    if (!missing.includes(key)) trace.write(key, 'F32', ne, values);
  }
  return trace;
}

const laneOf = (trace: MemoryTrace | undefined, own: boolean, more: Partial<RunLane> = {}): RunLane => ({
  ...{ label: own ? 'webgpu' : 'trace:t', own, trace, mask: () => undefined },
  ...more,
});

function rowOf(graph: Graph, key: string, lanes: readonly RunLane[]): NodeRow {
  const node = graph.tensors.find((t) => t.key === key);
  return nodeRow(graph, defined(node, key), lanes);
}

/** What each node of an own lane says it ran on instead of the lane's own results; nodes that say nothing left out. */
function substitutedBy(graph: Graph, missing: readonly string[], own = true): Record<string, readonly string[]> {
  const lanes = [laneOf(traceWithout(graph, []), false), laneOf(traceWithout(graph, missing), own)];
  const found: Record<string, readonly string[]> = {};
  for (const { key } of computing(graph)) {
    const checkpoint = rowOf(graph, key, lanes).lanes[1]!;
    if (checkpoint.status === 'measured' && 'substituted' in checkpoint) found[key] = checkpoint.substituted;
  }
  return found;
}

describe('what a measured node ran on instead of its own lane’s results', () => {
  const graph = layeredGraph(2);

  it('is nothing where the lane measured everything', () => {
    expect(substitutedBy(graph, [])).toEqual({});
  });

  it('names the unmeasured node at each of its readers, and no further', () => {
    expect(substitutedBy(graph, ['l_out-0'])).toEqual({
      'q-1': ['l_out-0'],
      'k-1': ['l_out-0'],
      'l_out-1': ['l_out-0'],
    });
  });

  it('reaches the readers of a cache, in another layer too, through the write into it and the view of it', () => {
    expect(substitutedBy(graph, ['k-0'])).toEqual({ 'kq-0': ['k-0'], 'kq-2': ['k-0'] });
  });

  it('names all that were not measured', () => {
    const found = substitutedBy(graph, ['k-0', 'q-0']);
    expect(found['kq-0']?.toSorted()).toEqual(['k-0', 'q-0']);
    expect(found['kq-2']).toEqual(['k-0']);
  });

  it('names a result in place, not what it overwrote', () => {
    expect(substitutedBy(graph, ['node_0'])).toEqual({ 'kqv-0': ['node_0'] });
    expect(substitutedBy(graph, ['kq-0'])).toEqual({ node_0: ['kq-0'] });
  });

  it('goes through views, reshapes and transposes', () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', [4, 1, 1, 1]);
    const a = g.node('a', 'ADD', [4, 1, 1, 1], [x, x]);
    const half = g.node('view:a', 'VIEW', [2, 1, 1, 1], [a], { viewOf: a, viewOffs: 8 });
    const turned = g.node('view:t', 'TRANSPOSE', [1, 2, 1, 1], [half], { viewOf: a, viewOffs: 8 });
    g.node('b', 'CONT', [1, 2, 1, 1], [turned]);
    g.node('c', 'ADD', [4, 1, 1, 1], [x, x]);
    expect(substitutedBy(g.build(), ['a'])).toEqual({ b: ['a'] });
  });

  it('is never said of a lane that does not execute the graph: a trace ran on its own results', () => {
    expect(substitutedBy(graph, ['l_out-0', 'k-0'], false)).toEqual({});
  });
});

describe('a row', () => {
  const graph = layeredGraph(2);
  const reference = traceWithout(graph, []);

  it('compares each lane with the first, which has no metrics itself', () => {
    const timed = traceWithout(graph, [], { timings: { 'q-1': 12.5 } });
    const row = rowOf(graph, 'q-1', [laneOf(reference, false), laneOf(timed, true)]);
    expect(row).toMatchObject({ key: 'q-1', layer: 1, kind: 'MUL_MAT', ne: [4, 2, 1, 1], weight: 'wq1' });
    const [first, second] = row.lanes;
    expect(first).toMatchObject({ status: 'measured', stats: { count: 8, min: 2 } });
    for (const absent of ['metrics', 'microseconds', 'substituted']) expect(first).not.toHaveProperty(absent);
    expect(second).toMatchObject({ status: 'measured', metrics: { nmse: 0, count: 8 }, microseconds: 12.5 });
  });

  it('compares only what the mask of a lane shows', () => {
    const mask = (key: string) => (key === 'q-1' ? Uint8Array.of(1, 1, 1, 1, 0, 0, 0, 0) : undefined);
    const row = rowOf(graph, 'q-1', [laneOf(reference, false), laneOf(traceWithout(graph, []), false, { mask })]);
    expect(row.lanes[1]).toMatchObject({ metrics: { count: 4 } });
  });

  it('gives the reason where a node was not measured', () => {
    const notMeasured = [{ node: 'q-1', op: 'MUL_MAT', reason: 'not measured: too large' }];
    const lanes = [
      laneOf(reference, false),
      laneOf(traceWithout(graph, ['q-1'], { notMeasured }), true),
      laneOf(traceWithout(graph, ['q-1']), false),
      laneOf(undefined, true, { error: 'no adapter' }),
      laneOf(undefined, true),
    ];
    expect(rowOf(graph, 'q-1', lanes).lanes.slice(1)).toEqual(
      ['not measured: too large', 'not in the trace', 'no adapter', 'the lane did not run'].map((reason) => ({
        ...{ status: 'not-measured', reason },
      })),
    );
  });

  it('is measured without metrics where the reference has no such node', () => {
    const row = rowOf(graph, 'q-1', [laneOf(traceWithout(graph, ['q-1']), false), laneOf(reference, true)]);
    expect(row.lanes.map((l) => l.status)).toEqual(['not-measured', 'measured']);
    expect(row.lanes[1]).not.toHaveProperty('metrics');
  });
});
