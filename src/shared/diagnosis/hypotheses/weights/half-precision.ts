import type { DequantizeBlocks } from '../../../quant/format';
import type { Hypothesis } from '../../hypothesis';
import { toBf16, toF16 } from '../../narrow-floats';
import { supportedFormat } from '../../../quant/registry';
import type { BlockRecipe } from './block-parts';
import { newParts } from './block-parts';
import { recipeOf } from './recipes';
import { decoderVariant, weightTypeOf } from './weight-site';

type Round = (x: number) => number;

/** Every product and difference of the decoder rounded. */
function inSteps({ elements, sub, bytes, values, hasSigns, take }: BlockRecipe, round: Round): DequantizeBlocks {
  return (src, srcOffset, blocks, dst, dstOffset) => {
    const parts = newParts();
    const { scales, mins, codes, signs } = parts;
    for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += bytes, o += elements) {
      take(src, p, parts);
      for (let s = 0, e = 0; e < elements; s++) {
        const scale = round(parts.d * scales[s]!);
        const min = round(parts.dmin * mins[s]!);
        for (const end = e + sub; e < end; e++) {
          const product = round(scale * values[codes[e]!]! * (hasSigns ? signs[e]! : 1));
          dst[o + e] = min === 0 ? product : round(product - min);
        }
      }
    }
  };
}

/** The right value rounded once. */
function atTheEnd(decode: DequantizeBlocks, elements: number, round: Round): DequantizeBlocks {
  return (src, srcOffset, blocks, dst, dstOffset) => {
    decode(src, srcOffset, blocks, dst, dstOffset);
    const end = dstOffset + blocks * elements;
    for (let i = dstOffset; i < end; i++) dst[i] = round(dst[i]!);
  };
}

export const HALF_PRECISION_DECODE: Hypothesis = {
  id: 'half-precision-decode',
  title: 'weights are dequantized in 16-bit floats',
  explanation:
    'd × scale × code needs up to 24 bits; in f16 every product loses half of them, in bf16 two thirds. The error is small ' +
    'and everywhere; sums of a product and a large min suffer most.',
  whereToLook: 'The types of d, scale and products in the dequantization: half or bfloat16 where float is needed.',
  citations: ['ggml-org/llama.cpp#4836'],
  catalogue: [10],
  generality: 1,
  rounds: ({ precision }) => ({ part: 'weights', to: precision === 'bf16' ? 'BF16' : 'F16' }),
  *variants(site) {
    const type = weightTypeOf(site);
    if (!type || type === 'F16') return;
    const recipe = recipeOf(type);
    const { dequantize, blockElements } = supportedFormat(type);
    for (const [name, round] of [
      ['f16', toF16],
      ['bf16', toBf16],
    ] as const) {
      if (recipe) yield decoderVariant(`${name} products`, { precision: name }, type, () => inSteps(recipe, round));
      if (type === 'BF16' && name === 'bf16') continue;
      const once = (): DequantizeBlocks => atTheEnd(dequantize, blockElements, round);
      yield decoderVariant(`${name} values`, { precision: name, step: 'the decoded value' }, type, once);
    }
  },
};
