import { describe, expect, it } from 'vitest';

import { GraphBuilder } from '../../../src/main/capture/graph-builder';
import type { RawTensor } from '../../../src/main/capture/struct-layouts';
import type { GgmlOp } from '../../../src/shared/graph/ggml-op';
import { GGML_OPS } from '../../../src/shared/graph/ggml-op';
import { GgmlType } from '../../../src/shared/quant/ggml-type';

function raw(name: string, op: GgmlOp, src: bigint[] = [], more: Partial<RawTensor> = {}): RawTensor {
  return {
    name,
    op: GGML_OPS.indexOf(op),
    src,
    type: GgmlType.F32,
    buffer: 0n,
    ne: [4, 1, 1, 1],
    nb: [4, 16, 16, 16],
    opParams: new Array<number>(16).fill(0),
    flags: 0,
    viewSrc: 0n,
    viewOffs: 0,
    data: 0n,
    ...more,
  };
}

describe('GraphBuilder', () => {
  it('numbers shared names among nodes that compute, apart from views and leaves', () => {
    const b = new GraphBuilder();
    b.addLeaf(1n, raw('x', 'NONE'), 'input');
    b.addLeaf(2n, raw('cache_k_l0', 'NONE'), 'state');
    b.addNode(3n, raw('Kcur-0', 'ADD', [1n, 1n]));
    b.addNode(4n, raw('Kcur-0', 'RESHAPE', [3n], { viewSrc: 3n }));
    b.addNode(5n, raw('Kcur-0', 'ROPE', [4n, 1n]));
    b.addNode(6n, raw('written', 'SET_ROWS', [5n, 1n, 2n], { viewSrc: 2n }));
    b.addNode(7n, raw('copied', 'CPY', [5n, 2n], { viewSrc: 2n }));
    b.addNode(8n, raw('copied', 'CPY', [5n, 3n], { viewSrc: 3n }));
    b.addLeaf(9n, raw('x', 'NONE'), 'weight');
    const { graph, renamed } = b.finish();
    expect(graph.tensors.map((t) => t.key)).toEqual([
      'leaf:x#0',
      'leaf:cache_k_l0',
      'Kcur-0#0',
      'view:Kcur-0',
      'Kcur-0#1',
      'view:written',
      'view:copied',
      'copied',
      'leaf:x#1',
    ]);
    expect(renamed.get('copied#0')).toBe('copied');
    expect(renamed.has('Kcur-0#0')).toBe(false);
    expect(graph.order).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('resolves sub-ops, sources left out and view offsets', () => {
    const b = new GraphBuilder();
    b.addLeaf(1n, raw('x', 'NONE'), 'input');
    b.addNode(2n, raw('act', 'UNARY', [1n], { opParams: [10] }));
    b.addNode(3n, raw('act2', 'GLU', [1n, 0n, 2n], { opParams: [2] }));
    b.addNode(4n, raw('v', 'VIEW', [2n], { viewSrc: 2n, viewOffs: 8 }));
    const [, silu, swiglu, view] = b.finish().graph.tensors;
    expect(silu?.kind).toBe('SILU');
    expect(swiglu).toMatchObject({ op: 'GLU', kind: 'SWIGLU', src: [0, undefined, 1] });
    expect(view).toMatchObject({ viewSrc: 1, viewOffs: 8, role: 'node' });
  });

  it('refuses what it does not know', () => {
    const b = new GraphBuilder();
    expect(() => b.addNode(1n, raw('n', 'ADD', [99n]))).toThrow('the graph uses a tensor in n that it never showed');
    expect(() => b.addLeaf(1n, raw('n', 'NONE', [], { op: 500 }), 'input')).toThrow('ggml op 500');
    expect(() => b.addLeaf(1n, raw('n', 'NONE', [], { type: 77 }), 'input')).toThrow('ggml type 77');
    expect(() => b.addNode(1n, raw('n', 'UNARY', [], { opParams: [99] }))).toThrow('sub-op 99 of UNARY');
  });
});
