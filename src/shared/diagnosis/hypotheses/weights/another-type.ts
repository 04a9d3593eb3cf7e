import type { WeightTensor } from '../../../gguf/model-source';
import type { Dims } from '../../../graph/graph';
import type { DequantizeBlocks } from '../../../quant/format';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { QUANT_FORMATS, rowBytes, supportedFormat } from '../../../quant/registry';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { PartsChange } from './block-parts';
import { newParts } from './block-parts';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';
import { dataOf, decoderVariant, evaluateWith, wholeWeightOf, weightTypeOf } from './weight-site';

/** Types that are taken for each other: blocks of as many elements, and much the same fields. */
const SIBLINGS: Partial<Record<GgmlTypeName, readonly GgmlTypeName[]>> = {
  Q4_0: ['IQ4_NL', 'Q4_1'],
  Q4_1: ['Q4_0', 'IQ4_NL', 'Q5_0'],
  Q5_0: ['Q5_1', 'Q4_1', 'Q4_0'],
  Q5_1: ['Q5_0', 'Q4_1', 'Q4_0'],
  Q8_0: ['Q8_1'],
  Q8_1: ['Q8_0'],
  IQ4_NL: ['Q4_0'],
  Q4_K: ['Q5_K', 'IQ4_XS', 'Q3_K'],
  Q5_K: ['Q4_K', 'Q6_K'],
  Q6_K: ['Q5_K', 'Q4_K'],
  Q2_K: ['Q3_K'],
  Q3_K: ['IQ3_S', 'Q2_K', 'Q4_K'],
  IQ3_S: ['Q3_K', 'IQ3_XXS'],
  IQ3_XXS: ['IQ3_S'],
  IQ2_XXS: ['IQ2_XS', 'TQ2_0'],
  IQ2_XS: ['IQ2_XXS', 'IQ2_S'],
  IQ2_S: ['IQ2_XS'],
  IQ1_S: ['IQ1_M'],
  IQ1_M: ['IQ1_S'],
  IQ4_XS: ['Q4_K'],
  TQ2_0: ['IQ2_XXS'],
  MXFP4: ['Q4_0'],
  F16: ['BF16'],
  BF16: ['F16'],
};

/** Blocks of the right stride, each read as the sibling's. */
function inPlace(sibling: GgmlTypeName, blockBytes: number): DequantizeBlocks {
  const { dequantize, blockElements } = supportedFormat(sibling);
  return (src, srcOffset, blocks, dst, dstOffset) => {
    for (let b = 0; b < blocks; b++) dequantize(src, srcOffset + b * blockBytes, 1, dst, dstOffset + b * blockElements);
  };
}

/** The tensor with its type taken for `sibling`; rows at their right places, or one after another. */
function relabelled(data: WeightTensor, sibling: GgmlTypeName, rows: 'in place' | 'packed'): WeightTensor {
  const own = rowBytes(data.type, data.ne[0]);
  const assumed = rowBytes(sibling, data.ne[0]);
  const [, n1, n2, n3]: Dims = data.ne;
  const read = (from: number, count: number, dst: Uint8Array, at: number): void => {
    const inside = Math.max(0, Math.min(count, data.byteLength - from));
    if (inside > 0) data.copyInto(from, inside, dst, at);
    dst.fill(0, at + inside, at + count);
  };
  return {
    name: data.name,
    type: sibling,
    ne: data.ne,
    byteLength: assumed * n1 * n2 * n3,
    copyInto: (offset, length, dst, dstOffset) => {
      if (rows === 'packed') return read(offset, length, dst, dstOffset);
      for (let done = 0; done < length;) {
        const row = Math.floor((offset + done) / assumed);
        const within = (offset + done) % assumed;
        const count = Math.min(assumed - within, length - done);
        read(row * own + within, count, dst, dstOffset + done);
        done += count;
      }
    },
  };
}

export const ANOTHER_TYPE: Hypothesis = {
  id: 'weight-read-as-another-type',
  title: 'the weight is decoded as another type',
  explanation:
    'A tensor of one type is decoded as a sibling: F16 as BF16, Q4_1 as Q4_0, Q4_0 as IQ4_NL. Fields that lie elsewhere ' +
    'are read as codes, and where block sizes differ, each block is further off than the one before.',
  whereToLook:
    'The type per tensor (not per file: mixed recipes such as Q4_K_M use several), the ids of types, the size of blocks.',
  citations: ['ml-explore/mlx#3664', 'ggml-org/llama.cpp#28474'],
  catalogue: [5, 15],
  generality: 1,
  *variants(site) {
    const type = weightTypeOf(site);
    if (!type) return;
    const { blockBytes } = QUANT_FORMATS[type];
    for (const sibling of SIBLINGS[type] ?? []) {
      const other = QUANT_FORMATS[sibling].blockBytes;
      const parameters = { type: sibling, right: type };
      if (other <= blockBytes) {
        const variant = decoderVariant(sibling, parameters, type, () => inPlace(sibling, blockBytes));
        yield { ...variant, parameters };
      }
      const weight = wholeWeightOf(site);
      if (other === blockBytes || !weight) continue;
      for (const rows of ['in place', 'packed'] as const) {
        const variant: Variant = {
          label: `${sibling} with its block size, rows ${rows}`,
          parameters: { ...parameters, blockBytes: other, rows },
          predict: (s) => evaluateWith(s, relabelled(dataOf(s, weight), sibling, rows)),
        };
        yield variant;
      }
    }
  },
};

/** Bytes by which codes are looked for too early or too late. */
const SHIFTS = [-2, 2, -4, 4, -1, 1, -8, 8, -12, 12, -16, 16];

export const CODES_OFFSET: Hypothesis = {
  id: 'codes-at-wrong-byte',
  title: 'codes of a block are read from a wrong byte',
  explanation:
    'A block’s header (scales, mins, high bits) is taken for shorter or longer than it is: the scale is right, and codes ' +
    'are those of a few bytes earlier or later, at the edge made of scales or of the next block.',
  whereToLook:
    'The offset of qs inside the block: 2 bytes in Q4_0 and Q8_0, 4 in Q4_1, 6 in Q5_0, 8 in Q5_1, 16 in Q4_K, 48 in Q5_K.',
  citations: ['ml-explore/mlx#3664'],
  catalogue: [5],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ take, type }): Generator<NamedMistake> {
      if (QUANT_FORMATS[type].family === 'i-quants') return;
      for (const by of SHIFTS) {
        const other = newParts();
        const change: PartsChange = ({ codes }, src, p) => {
          if (p + by < 0) return;
          take(src, p + by, other);
          codes.set(other.codes);
        };
        yield { label: `${by > 0 ? '+' : ''}${by} bytes`, parameters: { bytes: by, right: 0 }, change };
      }
    });
  },
};
