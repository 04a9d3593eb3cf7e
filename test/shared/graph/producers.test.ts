import { describe, expect, it } from 'vitest';

import { nodeId } from '../../../src/shared/base/brand';
import type { GgmlOp } from '../../../src/shared/graph/ggml-op';
import type { Graph, GraphTensor, TensorRole } from '../../../src/shared/graph/graph';
import { isComputing } from '../../../src/shared/graph/graph';
import { computingProducers, stateWritesRead, stretches } from '../../../src/shared/graph/producers';

interface Spec {
  readonly key: string;
  readonly op?: GgmlOp;
  readonly role?: TensorRole;
  readonly src?: readonly number[];
  readonly viewSrc?: number;
}

function graphOf(specs: readonly Spec[]): Graph {
  const tensors = specs.map(({ key, op = 'ADD', role = 'node', src = [], viewSrc }, i): GraphTensor => ({
    id: nodeId(i),
    name: key,
    key,
    role,
    op: role === 'node' ? op : 'NONE',
    kind: op as 'ADD',
    opParams: [],
    type: 'F32',
    ne: [1, 1, 1, 1],
    nb: [4, 4, 4, 4],
    src: src.map(nodeId),
    ...(viewSrc === undefined ? {} : { viewSrc: nodeId(viewSrc) }),
    viewOffs: 0,
  }));
  return { tensors, order: tensors.filter((t) => t.role === 'node').map((t) => t.id) };
}

/** k → (write into the cache) → read through a view → kq → in-place scale → out */
const graph = graphOf([
  { key: 'cache', role: 'state' },
  { key: 'weight', role: 'weight' },
  { key: 'q', op: 'MUL_MAT', src: [1] },
  { key: 'k', op: 'MUL_MAT', src: [1] },
  { key: 'write', op: 'SET_ROWS', src: [3], viewSrc: 0 },
  { key: 'read', op: 'VIEW', src: [0], viewSrc: 0 },
  { key: 'kq', op: 'MUL_MAT', src: [5, 2] },
  { key: 'scaled', op: 'SCALE', src: [6], viewSrc: 6 },
  { key: 'out', op: 'ADD', src: [6, 2] },
]);
const keysOf = (ids: readonly number[] | undefined): string[] => (ids ?? []).map((id) => graph.tensors[id]!.key);

describe('computingProducers', () => {
  const producers = computingProducers(graph);
  it('sees through views and cache writes', () => {
    expect(keysOf(producers.get(nodeId(6)))).toEqual(['k', 'q']);
  });
  it('sees that an in-place result replaced its source', () => {
    expect(keysOf(producers.get(nodeId(8)))).toEqual(['scaled', 'q']);
  });
  it('lists computing nodes only', () => {
    expect([...producers.keys()].every((id) => isComputing(graph, graph.tensors[id]!))).toBe(true);
    expect(keysOf(producers.get(nodeId(2)))).toEqual([]);
  });
  it('sees through rows written into a result, as an attention mask of the chosen keys is made', () => {
    const masked = graphOf([
      { key: 'mask', role: 'input' },
      { key: 'filled', op: 'FILL', src: [0] },
      { key: 'zeros', op: 'FILL', src: [0] },
      { key: 'chosen', op: 'TOP_K', src: [0] },
      { key: 'unmasked', op: 'SET_ROWS', src: [2, 3], viewSrc: 1 },
      { key: 'sum', op: 'ADD', src: [4, 0] },
    ]);
    const found = computingProducers(masked).get(nodeId(5)) ?? [];
    expect(found.map((id) => masked.tensors[id]!.key)).toEqual(['filled', 'zeros', 'chosen']);
  });
});

describe('stretches', () => {
  it('lists what lies between a node and the nearest checkpoints', () => {
    const dumped = new Set(['q', 'out']);
    const between = stretches(graph, (t) => dumped.has(t.key));
    expect(keysOf(between.get(nodeId(8)))).toEqual(['k', 'kq', 'scaled']);
    expect(keysOf(between.get(nodeId(6)))).toEqual(['k']);
    expect(keysOf(between.get(nodeId(3)))).toEqual([]);
  });
});

describe('stateWritesRead', () => {
  it('names the cache write that a reader is the first to show, through a view', () => {
    expect([...stateWritesRead(graph)].map(([id, writes]) => [keysOf([id]), keysOf(writes)])).toEqual([
      [['kq'], ['write']],
    ]);
  });

  it('names all writes before the reader, none after it, and each only once', () => {
    const states = graphOf([
      { key: 'k state', role: 'state' },
      { key: 'r state', role: 'state' },
      { key: 'early', src: [0] },
      { key: 'write 1', op: 'SET_ROWS', src: [2], viewSrc: 0 },
      { key: 'write 2', op: 'CPY', src: [2, 1], viewSrc: 1 },
      { key: 'view', op: 'VIEW', src: [0], viewSrc: 0 },
      { key: 'both', src: [5, 0, 1] },
      { key: 'write 3', op: 'CPY', src: [6, 0], viewSrc: 0 },
      { key: 'last', src: [0] },
    ]);
    const found = [...stateWritesRead(states)].map(([id, writes]) =>
      [id, ...writes].map((n) => states.tensors[n]!.key),
    );
    expect(found).toEqual([
      ['both', 'write 1', 'write 2'],
      ['last', 'write 1', 'write 3'],
    ]);
  });

  it('does not take a copy into another node for a cache write', () => {
    const copies = graphOf([{ key: 'a' }, { key: 'copy', op: 'CPY', src: [0], viewSrc: 0 }, { key: 'b', src: [0] }]);
    expect(stateWritesRead(copies).size).toBe(0);
  });
});
