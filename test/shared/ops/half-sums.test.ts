import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../src/shared/base/float-bits';
import { evaluateNode } from '../../../src/shared/ops/evaluate-node';
import { GraphBuilder } from './graph-builder';

const half = (x: number): number => f16ToF32(f32ToF16(x));

describe('sums in f16', () => {
  const [k, rows] = [67, 3];
  const a = Float32Array.from({ length: k * rows }, (_, i) => Math.sin(i * 1.7) * 3);
  const b = Float32Array.from({ length: k }, (_, i) => Math.cos(i * 0.9) * 2);
  const g = new GraphBuilder();
  const node = g.node(
    'out',
    'MUL_MAT',
    [rows, 1, 1, 1],
    [g.leaf('input', 'a', [k, rows, 1, 1]), g.leaf('input', 'b', [k, 1, 1, 1])],
  );
  const graph = g.build();
  const tensor = graph.tensors[node]!;

  it('round every product and every partial sum, one after another', () => {
    const got = evaluateNode(graph, tensor, { sources: [a, b] }, 'f16-sums');
    const expected = Float32Array.from({ length: rows }, (_, r) => {
      let sum = 0;
      for (let i = 0; i < k; i++) sum = half(sum + half(a[r * k + i]! * half(b[i]!)));
      return sum;
    });
    expect(got).toEqual(expected);
    const exact = evaluateNode(graph, tensor, { sources: [a, b] }, 'exact');
    expect(got).not.toEqual(exact);
    got.forEach((x, i) => expect(Math.abs(x - exact[i]!)).toBeLessThan(0.5));
  });

  it('overflow as the engine would', () => {
    const big = Float32Array.from({ length: k * rows }, () => 4000);
    expect(evaluateNode(graph, tensor, { sources: [big, big.subarray(0, k)] }, 'f16-sums')[0]).toBe(Infinity);
  });
});
