import { describe, expect, it } from 'vitest';

import type { SelectionRequest } from '../../../src/main/jobs/node-selection';
import { nodeSelection } from '../../../src/main/jobs/node-selection';
import { defined } from '../../../src/shared/base/assert';
import { QuarrelError } from '../../../src/shared/base/errors';
import type { Graph } from '../../../src/shared/graph/graph';
import { tensorOf } from '../../../src/shared/graph/graph';
import { layeredGraph } from '../../shared/ops/layered-graph';

const plain = layeredGraph(2);
const keysOf = (graph: Graph): string[] => graph.order.map((id) => tensorOf(graph, id).key);
const all = keysOf(plain);

/** A graph that leaves its last value to later ones, with other names than theirs. */
const encoder: Graph = {
  ...plain,
  tensors: plain.tensors.map((t) => ({
    ...t,
    key: `enc.${t.key}`,
    ...(t.key === 'result_output' ? { carried: 'encoder output' } : {}),
  })),
};

interface Request extends SelectionRequest {
  readonly steps?: number;
}

/** Keys of the nodes picked, in graph order. */
function picked({ steps = 0, ...request }: Request, graph = plain, before: readonly Graph[] = []): string[] {
  const nodes = defined(nodeSelection(request, steps), 'a selection')(graph, before);
  return graph.order.filter((id) => nodes.has(id)).map((id) => tensorOf(graph, id).key);
}

describe('nodeSelection', () => {
  it('is none where nothing is asked for: everything runs', () => {
    expect(nodeSelection({}, 0)).toBeUndefined();
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

  it('finds the node in the encoder or in the decoder: all before it runs, nothing after it', () => {
    const inDecoder = { stopAfter: 'k-1', steps: 2 };
    expect(picked(inDecoder, encoder)).toEqual(keysOf(encoder));
    expect(picked(inDecoder, plain, [encoder]).at(-1)).toBe('k-1');
    const inEncoder = { stopAfter: 'enc.k-1', steps: 2 };
    expect(picked(inEncoder, encoder).at(-1)).toBe('enc.k-1');
    expect(picked(inEncoder, plain, [encoder])).toEqual([]);
    expect(picked({ ...inEncoder, layers: { from: 0, to: 2 } }, plain, [encoder])).toEqual([]);
  });

  it('refuses a node of neither, and one of a decoder that does not run', () => {
    expect(() => picked({ stopAfter: 'k-9', steps: 1 }, plain, [encoder])).toThrow('no node "k-9" to stop after');
    expect(() => picked({ stopAfter: 'k-1', steps: 0 }, encoder)).toThrow('no node "k-1" to stop after');
  });

  it('takes one step by its number: those before run whole, none after', () => {
    const request = { stopAfter: 'step1/k-1', steps: 3 };
    expect(picked(request)).toEqual(all);
    expect(picked(request, plain, [plain]).at(-1)).toBe('k-1');
    expect(picked(request, plain, [plain, plain])).toEqual([]);
    expect(() => picked({ stopAfter: 'step4/k-1', steps: 3 })).toThrow(
      '--stop-after step4/k-1: the run has 3 decode steps (--steps)',
    );
  });

  it('refuses a name that nothing begins with, and one of a leaf', () => {
    expect(() => picked({ stopAfter: 'zzz-1' })).toThrow(/^the graph has no node "zzz-1" to stop after$/);
    expect(() => picked({ stopAfter: 'leaf:x' })).toThrow('no node "leaf:x"');
  });
});
