import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import type { OpRun } from './op-helpers';
import { complaint, tensor } from './op-helpers';

/** Ops whose sequences lie one after another; the last source holds the states. */
const JOINED: readonly (readonly [OpKind, number])[] = [
  ['GATED_LINEAR_ATTN', 5],
  ['RWKV_WKV6', 6],
  ['RWKV_WKV7', 7],
];

function joined(kind: OpKind, sources: number, tokens: number, sequences: number): OpRun {
  const vector = tensor([4, 3, tokens, 1], []);
  const src = Array.from({ length: sources }, () => vector);
  if (kind === 'RWKV_WKV6') src[3] = tensor([4, 3, 1, 1], []);
  src[sources - 1] = tensor([48, sequences, 1, 1], []);
  return { kind, src, ne: [12, tokens + 4 * sequences, 1, 1] };
}

function delta(ne: { readonly q?: Dims; readonly g?: Dims }, snapshots: number): OpRun {
  const v: Dims = [4, 6, 5, 2];
  const q = ne.q ?? [4, 3, 5, 1];
  const shapes: Dims[] = [q, q, v, ne.g ?? [1, 6, 5, 2], [1, 6, 5, 2], [4, 4, 6, 2]];
  const src = shapes.map((shape) => tensor(shape, []));
  return { kind: 'GATED_DELTA_NET', src, ne: [24, 10 + 8 * snapshots, 1, 1], params: [snapshots] };
}

describe.each(JOINED)('%s', (kind, sources) => {
  it('says what does not fit', () => {
    expect(complaint(joined(kind, sources, 6, 2))).toBeUndefined();
    expect(complaint(joined(kind, sources, 5, 2))).toContain('5 tokens in 2 sequences');
    expect(complaint(joined(kind, sources, 6, 0))).toContain('6 tokens in 0 sequences');
    expect(complaint({ ...joined(kind, sources, 6, 2), ne: [12, 13, 1, 1] })).toContain('[12, 14, 1, 1] is expected');
    expect(complaint({ ...joined(kind, sources, 6, 2), src: [] })).toContain('missing');
  });
});

describe('GATED_DELTA_NET', () => {
  it('says what does not fit', () => {
    expect(complaint(delta({}, 1))).toBeUndefined();
    expect(complaint(delta({}, 5))).toBeUndefined();
    expect(complaint(delta({}, 6))).toContain('6 states of 5 tokens are asked for');
    expect(complaint(delta({ g: [3, 6, 5, 2] }, 1))).toContain('source 3 is [3, 6, 5, 2]');
    expect(complaint(delta({ q: [3, 3, 5, 1] }, 1))).toContain('source 0 [3, 3, 5, 1] does not fit');
    expect(complaint(delta({ q: [4, 3, 5, 3] }, 1))).toContain('source 0 [4, 3, 5, 3] does not fit');
    expect(complaint(delta({ q: [4, 0, 5, 1] }, 1))).toContain('source 0 [4, 0, 5, 1] does not fit');
  });
});
