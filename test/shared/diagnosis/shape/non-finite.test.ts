import { describe, expect, it } from 'vitest';
import { f32ToF16 } from '../../../../src/shared/base/float-bits';
import type { Site } from '../../../../src/shared/diagnosis/site';
import { classify } from '../../../../src/shared/diagnosis/shape/elements';
import { shapeFindings } from '../../../../src/shared/diagnosis/shape/findings';
import { nonFiniteOrigin } from '../../../../src/shared/diagnosis/shape/non-finite-origin';
import type { Dims } from '../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../src/shared/graph/graph';
import { GraphBuilder, weightsOf } from '../../ops/graph-builder';
import { nodeSite, values } from '../hypotheses/layers/node-site';
import { siteOf } from '../try-hypothesis';

/** A Q8_0 matrix [64, 6] with one scale that is NaN: in row 4, second block. */
function quantizedProduct(op: 'MUL_MAT' | 'GET_ROWS'): Site {
  const bytes = new Uint8Array(6 * 2 * 34);
  const words = new DataView(bytes.buffer);
  for (let block = 0; block < 12; block++) {
    words.setUint16(block * 34, block === 9 ? 0x7e00 : f32ToF16(0.01), true);
    for (let i = 0; i < 32; i++) words.setInt8(block * 34 + 2 + i, ((block * 31 + i * 7) % 200) - 100);
  }
  const graph = new GraphBuilder();
  const weight = graph.leaf('weight', 'blk.0.ffn_down.weight', [64, 6, 1, 1], 'Q8_0');
  const isProduct = op === 'MUL_MAT';
  const x = graph.leaf('input', 'x', isProduct ? [64, 3, 1, 1] : [3, 1, 1, 1], isProduct ? 'F32' : 'I32');
  const id = graph.node('out', op, isProduct ? [6, 3, 1, 1] : [64, 3, 1, 1], [weight, x]);
  const built = graph.build();
  return siteOf({
    graph: built,
    node: tensorOf(built, id),
    sources: [undefined, isProduct ? values(192, 1) : Float32Array.of(1, 4, 0)],
    weights: weightsOf({ 'blk.0.ffn_down.weight': { type: 'Q8_0', ne: [64, 6, 1, 1], bytes } }),
  });
}

describe('names the weight block', () => {
  it.each(['MUL_MAT', 'GET_ROWS'] as const)('of %s', (op) => {
    const site = quantizedProduct(op);
    const at = site.right.findIndex(Number.isNaN);
    expect(at).toBeGreaterThanOrEqual(0);
    const origin = nonFiniteOrigin(site, at);
    expect(origin).toMatchObject({ what: 'weight', tensor: 'blk.0.ffn_down.weight', row: 4, block: 9 });
    expect(origin?.text).toBe('Block 9 of blk.0.ffn_down.weight (Q8_0; row 4, column 32) decodes to NaN.');
    expect(nonFiniteOrigin(site, at === 0 ? 1 : 0)).toBeUndefined();
  });
});

describe('names the input', () => {
  const ne: Dims = [5, 3, 1, 1];
  const product = (x: Float32Array, w = values(20 * 5, 2)): Site =>
    nodeSite({
      op: 'MUL_MAT',
      ne,
      sources: [
        { name: 'k', ne: [20, 5, 1, 1], values: w },
        { name: 'q', ne: [20, 3, 1, 1], values: x },
      ],
    });

  it('element that is not finite', () => {
    const x = values(60, 3);
    x[47] = Infinity;
    const site = product(x);
    const at = site.right.findIndex((v) => !Number.isFinite(v));
    expect(nonFiniteOrigin(site, at)).toMatchObject({ what: 'input', tensor: 'q', index: [7, 2, 0, 0] });
  });

  it('that overflows f16: by itself, by a product, by the sum', () => {
    const large = values(60, 3);
    large[4] = 70000;
    expect(nonFiniteOrigin(product(large), 2)?.text).toBe(
      'Input element [4, 0, 0, 0] of q is 70000, beyond f16’s 65504.',
    );
    const ones = new Float32Array(100).fill(300);
    expect(nonFiniteOrigin(product(new Float32Array(60).fill(250), ones), 0)?.text).toBe(
      'The product at 0 of k and q is 75000, beyond f16’s 65504.',
    );
    expect(nonFiniteOrigin(product(new Float32Array(60).fill(100), ones), 0)?.text).toBe(
      'The sum up to element 2 of k and q is 90000, beyond f16’s 65504.',
    );
  });

  it('of an element-wise op', () => {
    const x = values(15, 4, 3);
    x[8] = 100;
    const site = nodeSite({ op: 'UNARY', kind: 'TANH', ne, sources: [{ name: 'x', ne, values: x }] });
    expect(nonFiniteOrigin(site, 8)?.text).toBe('Input element [3, 1, 0, 0] of x is 100.00: its exp overflows in f32.');
    expect(nonFiniteOrigin(site, 7)).toBeUndefined();
  });
});

it('is the first finding: where, how many, and why', () => {
  const ne: Dims = [6, 4, 1, 1];
  const x = values(24, 5, 3);
  x[15] = 120;
  const site = nodeSite({ op: 'UNARY', kind: 'TANH', ne, sources: [{ name: 'x', ne, values: x }] });
  const wrong = site.right.map((r, i) => (i === 15 || i === 16 ? NaN : r));
  const found = shapeFindings(classify(site.right, wrong, ne, 1e-10), 'TANH', site);
  expect(found[0]?.kind).toBe('non-finite');
  expect(found[0]?.text).toBe(
    'The first non-finite element is NaN, at [3, 2, 0, 0], right is 1.0000; there are 2, in rows 2, columns 3…4.',
  );
  expect(found[1]?.text).toContain('its exp overflows in f32');
});
