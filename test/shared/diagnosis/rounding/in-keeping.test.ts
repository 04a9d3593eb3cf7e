import { describe, expect, it } from 'vitest';
import { isInKeeping } from '../../../../src/shared/diagnosis/rounding/in-keeping';
import type { JudgedNode } from '../../../../src/shared/divergence/examine';

const judged = (key: string, toExact: number): JudgedNode =>
  ({
    node: { key, kind: 'MUL_MAT' },
    stretch: [],
    judgement: { toExact, localNmse: toExact, noiseFloor: 1e-8 },
  }) as unknown as JudgedNode;

describe('a precision at one node', () => {
  it('shows at the nodes of its name in other layers', () => {
    const node = judged('kqv-1', 1e-7);
    expect(isInKeeping([node, judged('kqv-0', 3e-8), judged('kqv-2', 2e-8)], node, 'F16', 'sums')).toBe(true);
    expect(isInKeeping([node, judged('kqv-0', 1e-9), judged('kqv-2', 1e-9)], node, 'F16', 'sums')).toBe(false);
    // no other layer has such a node
    expect(isInKeeping([node], node, 'F16', 'sums')).toBe(true);
  });

  it('shows at all mat-muls where it is coarse: nobody routes in bf16 and computes the rest in f32', () => {
    const router = [judged('ffn_moe_logits-0', 2e-5), judged('ffn_moe_logits-1', 3e-5)];
    const rest = (error: number) => ['Qcur', 'Kcur', 'Vcur', 'ffn_up'].map((name) => judged(`${name}-0`, error));
    expect(isInKeeping([...router, ...rest(1e-13)], router[0]!, 'BF16', 'activations')).toBe(false);
    expect(isInKeeping([...router, ...rest(8e-6)], router[0]!, 'BF16', 'activations')).toBe(true);
    // the blocks of a cache move one layer's scores far more than another's
    const scores = [judged('kq-0', 2e-5), judged('kq-1', 3e-7)];
    expect(isInKeeping(scores, scores[0]!, 'Q8', 'cache')).toBe(true);
    const stretched = { ...scores[0]!, stretch: [scores[0]!.node] };
    expect(isInKeeping([stretched, scores[1]!], stretched, 'Q8', 'cache')).toBe(false);
    // a cache is read by attention only
    expect(isInKeeping([...router, ...rest(1e-13)], router[0]!, 'Q8', 'cache')).toBe(true);
  });
});
