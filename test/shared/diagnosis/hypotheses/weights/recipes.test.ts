import { describe, expect, it } from 'vitest';
import { decoderOf } from '../../../../../src/shared/diagnosis/hypotheses/weights/block-parts';
import { recipeOf } from '../../../../../src/shared/diagnosis/hypotheses/weights/recipes';
import { GgmlType } from '../../../../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../../../../src/shared/quant/registry';
import { randomBlocks } from './weight-fixture';

const TYPES = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => recipeOf(type));

describe('blocks taken apart and put together again', () => {
  it('covers every format with blocks that weights are stored in', () => {
    const blocks = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => {
      const { blockElements, family } = supportedFormat(type);
      return blockElements > 1 && family !== 'activation';
    });
    expect(TYPES).toEqual(blocks);
  });

  it.each(TYPES)('%s: gives what the reference decoder gives', (type) => {
    const { blockElements, dequantize } = supportedFormat(type);
    const recipe = recipeOf(type);
    if (!recipe) throw new TypeError(type);
    const bytes = randomBlocks(type, 40);
    const right = new Float32Array(40 * blockElements);
    const parts = new Float32Array(right.length);
    dequantize(bytes, 0, 40, right, 0);
    decoderOf(recipe, {})(bytes, 0, 40, parts, 0);
    parts.forEach((x, i) => expect(Math.abs(x - right[i]!)).toBeLessThanOrEqual(1e-6 * Math.abs(right[i]!) + 1e-9));
    expect(right.some((x) => x !== 0)).toBe(true);
  });

  it('takes a 1536 × 576 Q4_K matrix apart fast enough to try hundreds of mistakes', () => {
    const recipe = recipeOf('Q4_K');
    if (!recipe) throw new TypeError('Q4_K');
    const blocks = (1536 * 576) / 256;
    const bytes = randomBlocks('Q4_K', blocks);
    const out = new Float32Array(blocks * 256);
    const decode = decoderOf(recipe, { change: (parts) => parts.scales.fill(1) });
    decode(bytes, 0, blocks, out, 0);
    const start = performance.now();
    decode(bytes, 0, blocks, out, 0);
    expect(performance.now() - start).toBeLessThan(200); // about 5 ms on one free core
  });
});
