import { describe, expect, it } from 'vitest';

import type { SelectionRequest } from '../../../src/main/jobs/node-selection';
import { nodeSelection } from '../../../src/main/jobs/node-selection';
import { defined } from '../../../src/shared/base/assert';
import { QuarrelError } from '../../../src/shared/base/errors';
import { tensorOf } from '../../../src/shared/graph/graph';
import { layeredGraph } from '../../shared/ops/layered-graph';

const graph = layeredGraph(2);
const all = graph.order.map((id) => tensorOf(graph, id).key);

/** Keys of the nodes picked, in graph order. */
function picked(request: SelectionRequest): string[] {
  const nodes = defined(nodeSelection(request), 'a selection')(graph);
  return graph.order.filter((id) => nodes.has(id)).map((id) => tensorOf(graph, id).key);
}

describe('nodeSelection', () => {
  it('is none where nothing is asked for: everything runs', () => {
    expect(nodeSelection({})).toBeUndefined();
  });

  it('ends with the node to stop after', () => {
    expect(picked({ stopAfter: 'k-1' })).toEqual(all.slice(0, all.indexOf('k-1') + 1));
    expect(picked({ stopAfter: 'embd' })).toEqual(['embd']);
    expect(picked({ stopAfter: 'result_output' })).toEqual(all);
  });

  it('takes layers, both ends included', () => {
    const layers = picked({ layers: { from: 1, to: 2 } });
    expect([layers[0], layers.at(-1)]).toEqual(['q-1', 'l_out-2']);
    expect(picked({ layers: { from: 1, to: 1 } })).toContain('node_1');
  });

  it('takes what both pick', () => {
    expect(picked({ layers: { from: 1, to: 2 }, stopAfter: 'kq-1' })).toEqual([
      ...['q-1', 'k-1', 'cache_k_l1 (view)', 'cache_k_l1 (view) for 1', 'kq-1'],
    ]);
  });

  it('refuses what picks nothing', () => {
    const none =
      (request: Parameters<typeof picked>[0]): (() => unknown) =>
      () =>
        picked(request);
    expect(none({ layers: { from: 2, to: 2 }, stopAfter: 'k-0' })).toThrow('nothing of layers 2..2 runs up to k-0');
    expect(none({ layers: { from: 7, to: 9 } })).toThrow('layers 7..9: the graph has 0..2');
  });

  it.each([
    ['kq-9', 'the graph has no node "kq-9" to stop after; it has kq-0, kqv-0, kq-1, kqv-1 …'],
    ['q', 'the graph has no node "q" to stop after; it has q-0, q-1, q-2 …'],
    ['l_out#0', 'the graph has no node "l_out#0" to stop after; it has l_out-0, l_out-1, l_out-2 …'],
  ])('refuses %s with names that begin alike', (stopAfter, message) => {
    expect(() => picked({ stopAfter })).toThrow(QuarrelError);
    expect(() => picked({ stopAfter })).toThrow(message);
  });

  it('refuses a name that nothing begins with, and one of a leaf', () => {
    expect(() => picked({ stopAfter: 'zzz-1' })).toThrow(/^the graph has no node "zzz-1" to stop after$/);
    expect(() => picked({ stopAfter: 'leaf:x' })).toThrow('no node "leaf:x"');
  });
});
