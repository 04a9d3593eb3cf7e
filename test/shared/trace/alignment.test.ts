import { describe, expect, it } from 'vitest';

import { nodeId } from '../../../src/shared/base/brand';
import type { Dims, Graph, GraphTensor } from '../../../src/shared/graph/graph';
import type { RunExtent } from '../../../src/shared/trace/alignment';
import { AlignedTrace, placeCheckpoint } from '../../../src/shared/trace/alignment';
import { foreignEntries, parseNameMap } from '../../../src/shared/trace/name-map';
import type { TraceSource } from '../../../src/shared/trace/trace';
import { shapeOfNe } from '../../../src/shared/trace/safetensors';

function node(id: number, key: string, ne: Dims, extra: Partial<GraphTensor> = {}): GraphTensor {
  return {
    id: nodeId(id),
    name: key.replace(/#.*/, ''),
    key,
    role: 'node',
    op: 'MUL_MAT',
    kind: 'MUL_MAT',
    opParams: [],
    type: 'F32',
    ne,
    nb: [4, 4 * ne[0], 4 * ne[0] * ne[1], 4 * ne[0] * ne[1] * ne[2]],
    src: [],
    viewOffs: 0,
    ...extra,
  };
}

function graphOf(...tensors: GraphTensor[]): Graph {
  return { tensors, order: tensors.filter((t) => t.role === 'node').map((t) => t.id) };
}

function trace(
  tokens: readonly number[],
  tensors: Record<string, { shape: readonly number[]; values: number[] }>,
): TraceSource {
  const entries = new Map(
    Object.entries(tensors).map(([key, t]) => [key, { key, dtype: 'F32' as const, shape: t.shape }]),
  );
  const readF32 = (key: string): Float32Array<ArrayBuffer> => Float32Array.from(tensors[key]!.values);
  return {
    label: 'test',
    engine: 'test',
    tokens,
    manifest: undefined,
    entries,
    readF32,
    readRaw: (key) => new Uint8Array(readF32(key).buffer),
  };
}

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

const run = (kvLength?: number): RunExtent => ({ tokens: 5, positions: 5, kvLength });

describe('placeCheckpoint', () => {
  it('takes merged or split heads as the same elements', () => {
    expect(placeCheckpoint(node(0, 'kqv_out-0', [256, 5, 1, 1]), [5, 4, 64], run())).toMatchObject({
      extent: [256, 5, 1, 1],
    });
  });
  it('takes fewer rows as the last tokens', () => {
    expect(placeCheckpoint(node(0, 'l_out-11', [256, 5, 1, 1]), [1, 256], run())).toMatchObject({
      origin: [0, 4, 0, 0],
      extent: [256, 1, 1, 1],
    });
  });
  it('takes the token dimension of heads, too', () => {
    const placed = placeCheckpoint(node(0, 'Qcur-11#1', [64, 4, 5, 1]), [2, 4, 64], run());
    expect(placed).toMatchObject({ origin: [0, 0, 3, 0], extent: [64, 4, 2, 1] });
  });
  it('takes another KV length as padding beyond the tokens', () => {
    expect(placeCheckpoint(node(0, 'kq-0', [256, 5, 4, 1]), [4, 5, 32], run(256))).toMatchObject({
      extent: [5, 5, 4, 1],
    });
    expect(placeCheckpoint(node(0, 'kq-0', [256, 5, 4, 1]), [4, 5, 3], run(256))).toMatch(/does not fit/);
  });
  it('refuses the same extents in another order, though there are as many elements', () => {
    expect(placeCheckpoint(node(0, 'Qcur-0#1', [32, 8, 6, 1]), [8, 6, 32], run())).toMatch(
      /^shape \[8, 6, 32\] has the extents of ne \[32, 8, 6, 1\] in another order: .* is expected$/,
    );
    expect(placeCheckpoint(node(0, 'x', [256, 5, 1, 1]), [256, 5], run())).toMatch(/in another order/);
    expect(placeCheckpoint(node(0, 'x', [256, 5, 1, 1]), [1, 5, 256], run())).toMatchObject({ ne: [256, 5, 1, 1] });
  });
  it('refuses other shapes', () => {
    expect(placeCheckpoint(node(0, 'x', [256, 5, 1, 1]), [5, 128], run())).toBe(
      'shape [5, 128] does not fit ne [256, 5, 1, 1] of the graph',
    );
  });
});

describe('AlignedTrace', () => {
  const graph = graphOf(node(0, 'l_out-1', [2, 3, 1, 1]), node(1, 'result_output', [4, 3, 1, 1]));
  const golden = trace([7, 8, 9], {
    'l_out-1': { shape: [3, 2], values: range(6, 100) },
    result_output: { shape: [3, 4], values: range(12, 200) },
  });

  it('fills rows the dump lacks from the captured trace and masks them out', () => {
    const dump = trace([7, 8, 9], { 'l_out-1': { shape: [1, 2], values: [1, 2] } });
    const aligned = new AlignedTrace(dump, golden, graph, foreignEntries(dump, graph));
    expect(Array.from(aligned.readF32('l_out-1'))).toEqual([100, 101, 102, 103, 1, 2]);
    expect(Array.from(aligned.mask('l_out-1')!)).toEqual([0, 0, 0, 0, 1, 1]);
    expect(aligned.entries.get('l_out-1')).toEqual({ key: 'l_out-1', dtype: 'F32', shape: [3, 2] });
    expect(aligned.readRaw('l_out-1')).toHaveLength(24);
    expect(aligned.notes).toEqual(['only the last 1 of 3 tokens dumped, from l_out-1 on']);
  });

  it('names what fits nowhere', () => {
    const dump = trace([7, 8, 9], {
      'l_out-1': { shape: [3, 3], values: range(9) },
      other: { shape: [1], values: [1] },
    });
    const aligned = new AlignedTrace(dump, golden, graph, foreignEntries(dump, graph));
    expect(aligned.entries.size).toBe(0);
    expect(aligned.misfits).toEqual([
      { node: 'l_out-1', op: 'MUL_MAT', reason: 'shape [3, 3] does not fit ne [2, 3, 1, 1] of the graph' },
    ]);
  });
});

describe('name map', () => {
  const q = node(0, 'Qcur-3#0', [8, 2, 1, 1]);
  const heads = node(1, 'view:Qcur-3', [4, 2, 2, 1], { op: 'RESHAPE', kind: 'RESHAPE', src: [q.id], viewSrc: q.id });
  const graph = graphOf(q, heads, node(2, 'out', [3, 2, 1, 1]));

  it('translates {N}, reorders channels per head, transposes and scales', () => {
    const map = parseNameMap(
      JSON.stringify({
        'layers.{N}.q': { node: 'Qcur-{N}#0', channels: 'half-split-to-interleaved' },
        head: { node: 'out', transpose: true, scale: 2 },
      }),
      'map',
    );
    const dump = trace([1, 2], {
      'layers.3.q': { shape: [2, 8], values: range(16) },
      head: { shape: [3, 2], values: range(6) },
    });
    const found = foreignEntries(dump, graph, map);
    expect(Array.from(found.get('Qcur-3#0')!.read())).toEqual([0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15]);
    expect(Array.from(found.get('out')!.read())).toEqual([0, 4, 8, 2, 6, 10]);
    expect(found.get('out')!.entry.shape).toEqual(shapeOfNe([3, 2, 1, 1]));
  });

  it.each([
    ['[]', /JSON object/],
    ['{"a":3}', /entry "a": it is 3; a node name or an object expected/],
    ['{"a":{"node":"b","channel":"x"}}', /unknown field "channel"; known: node, channels/],
    ['{"a":{"node":"b","channels":"x"}}', /entry "a": channels is "x"; "half-split-to-interleaved" or/],
    ['{', /no JSON/],
  ])('refuses %s', (json, message) => {
    expect(() => parseNameMap(json, 'map')).toThrow(message);
  });
});
