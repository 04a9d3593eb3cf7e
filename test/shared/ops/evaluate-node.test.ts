import { describe, expect, it } from 'vitest';
import { tensorOf } from '../../../src/shared/graph/graph';
import { evaluateNode } from '../../../src/shared/ops/evaluate-node';
import type { DecoderFor } from '../../../src/shared/ops/operand';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { finiteBlock } from '../../helpers/blocks';
import { GraphBuilder, weightsOf } from './graph-builder';
import { build, floatBits, randomValues } from './op-helpers';

function projection() {
  const g = new GraphBuilder();
  const w = g.leaf('weight', 'w', [32, 2, 1, 1], 'Q4_0');
  const x = g.leaf('input', 'x', [32, 3, 1, 1]);
  const id = g.node('y', 'MUL_MAT', [2, 3, 1, 1], [w, x]);
  const graph = g.build();
  return { graph, node: tensorOf(graph, id) };
}
const bytes = Uint8Array.from([...finiteBlock('Q4_0', [0], 1), ...finiteBlock('Q4_0', [0], 2)]);
const weights = weightsOf({ w: { type: 'Q4_0', ne: [32, 2, 1, 1], bytes } });
const x = randomValues(96, 3);

describe('evaluateNode', () => {
  const { graph, node } = projection();
  const decoded = new Float32Array(64);
  supportedFormat('Q4_0').dequantize(bytes, 0, 2, decoded, 0);
  const product = (scale: number): Float32Array =>
    build([2, 3, 1, 1], ([i, j]) => {
      let sum = 0;
      for (let k = 0; k < 32; k++) sum += decoded[i * 32 + k]! * scale * x[j * 32 + k]!;
      return sum;
    });

  it('computes a node on given inputs and the model’s weights', () => {
    expect(evaluateNode(graph, node, { sources: [undefined, x], weights }, 'exact')).toEqual(product(1));
  });

  it('runs it on weights that are decoded otherwise', () => {
    const decoderFor: DecoderFor = (type) => (src, srcOffset, blocks, dst, dstOffset) => {
      supportedFormat(type).dequantize(src, srcOffset, blocks, dst, dstOffset);
      for (let i = 0; i < blocks * 32; i++) dst[dstOffset + i]! *= 2;
    };
    const inputs = { sources: [undefined, x], weights, decoderFor };
    expect(evaluateNode(graph, node, inputs, 'exact')).toEqual(product(2));
  });

  it.each(['F16', 'Q8_0'] as const)('gathers rows of a small %s table with another decoder', (type) => {
    const g = new GraphBuilder();
    const table = g.leaf('weight', 'table', [32, 4, 1, 1], type);
    const ids = g.leaf('input', 'ids', [2, 1, 1, 1], 'I32');
    const id = g.node('rows', 'GET_ROWS', [32, 2, 1, 1], [table, ids]);
    const rows = Uint8Array.from([1, 2, 3, 4].flatMap((seed) => [...finiteBlock(type, [0], seed)]));
    const all = new Uint8Array(type === 'F16' ? 256 : rows.length);
    all.set(rows.subarray(0, all.length));
    const decoderFor: DecoderFor = () => (_src, _from, blocks, dst, at) =>
      dst.fill(7, at, at + blocks * supportedFormat(type).blockElements);
    const inputs = {
      sources: [undefined, Float32Array.of(3, 1)],
      weights: weightsOf({ table: { type, ne: [32, 4, 1, 1], bytes: all } }),
      decoderFor,
    };
    const result = evaluateNode(g.build(), tensorOf(g.build(), id), inputs, 'exact');
    expect([...result]).toEqual(Array.from({ length: 64 }, () => 7));
  });

  it('runs a node with other parameters', () => {
    const g = new GraphBuilder();
    const input = g.leaf('input', 'x', [4, 1, 1, 1]);
    const id = g.node('n', 'RMS_NORM', [4, 1, 1, 1], [input], { params: [floatBits(0)] });
    const norm = tensorOf(g.build(), id);
    const ones = Float32Array.from([1, 1, 1, 1]);
    expect([...evaluateNode(g.build(), norm, { sources: [ones] }, 'exact')]).toEqual([1, 1, 1, 1]);
    const wrong = { ...norm, opParams: [floatBits(3)] };
    expect([...evaluateNode(g.build(), wrong, { sources: [ones] }, 'exact')]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it('says which input is missing or of another size', () => {
    expect(() => evaluateNode(graph, node, { sources: [undefined, undefined], weights }, 'exact')).toThrow(
      'y: no values are given for its source leaf:x',
    );
    expect(() => evaluateNode(graph, node, { sources: [undefined, x.subarray(1)], weights }, 'exact')).toThrow(
      'y: source leaf:x is given 95 values, it has 96',
    );
  });

  it('says what it cannot measure', () => {
    const odd = { ...node, kind: 'OPT_STEP_ADAMW' as const, op: 'OPT_STEP_ADAMW' as const };
    expect(() => evaluateNode(graph, odd, { sources: [undefined, x], weights }, 'exact')).toThrow(
      'not measured: OPT_STEP_ADAMW',
    );
  });
});
