import type { DequantizeBlocks } from '../../../quant/format';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { QUANT_FORMATS, rowBytes, supportedFormat } from '../../../quant/registry';
import type { Hypothesis, Variant } from '../../hypothesis';
import { allBytes, dataOf, decoderVariant, evaluateWith, tensorOfBytes, wholeWeightOf } from './weight-site';

/** Bytes of a block's fields as engines part them, in the block's order. */
const FIELDS: Partial<Record<GgmlTypeName, readonly number[]>> = {
  ...{ Q4_0: [2, 16], Q4_1: [4, 16], Q5_0: [2, 4, 16], Q5_1: [4, 4, 16], Q8_0: [2, 32], IQ4_NL: [2, 16] },
  ...{ Q2_K: [16, 64, 4], Q3_K: [32, 64, 12, 2], Q4_K: [4, 12, 128], Q5_K: [4, 12, 32, 128], Q6_K: [128, 64, 16, 2] },
  ...{ IQ4_XS: [8, 128], MXFP4: [1, 16], NVFP4: [4, 32] },
};

interface Arrangement {
  /** Whether the engine reordered the weight and decodes it as if it had not, or the reverse. */
  readonly stored: 'arrays' | 'blocks';
  /** Order of the arrays, as numbers of fields. */
  readonly order: readonly number[];
}

/** For each byte of a block-by-block weight where the engine takes it from: copies runs of whole fields. */
function rearranged(bytes: Uint8Array, fields: readonly number[], { stored, order }: Arrangement): Uint8Array {
  const size = fields.reduce((a, b) => a + b, 0);
  const blocks = bytes.length / size;
  const inBlock = fields.map((_, f) => fields.slice(0, f).reduce((a, b) => a + b, 0));
  const out = new Uint8Array(bytes.length);
  let array = 0;
  for (const f of order) {
    const length = fields[f]!;
    for (let b = 0; b < blocks; b++) {
      const asArray = array + b * length;
      const asBlock = b * size + inBlock[f]!;
      const [to, from] = stored === 'arrays' ? [asArray, asBlock] : [asBlock, asArray];
      for (let i = 0; i < length; i++) out[to + i] = bytes[from + i]!;
    }
    array += blocks * length;
  }
  return out;
}

function rowDecoder(type: GgmlTypeName, fields: readonly number[], arrangement: Arrangement): DequantizeBlocks {
  const { dequantize, blockBytes } = supportedFormat(type);
  return (src, srcOffset, blocks, dst, dstOffset) => {
    const row = src.subarray(srcOffset, srcOffset + blocks * blockBytes);
    dequantize(rearranged(row, fields, arrangement), 0, blocks, dst, dstOffset);
  };
}

function* arrangements(fields: readonly number[]): Generator<Arrangement & { readonly name: string }> {
  const first = fields.map((_, f) => f);
  for (const stored of ['arrays', 'blocks'] as const) {
    const read = stored === 'arrays' ? 'reordered, read as blocks' : 'blocks, read as reordered';
    yield { stored, order: [...first].reverse(), name: `${read}, codes first` };
    yield { stored, order: first, name: `${read}, in the order of the block` };
  }
}

export const STRUCT_OF_ARRAYS: Hypothesis = {
  id: 'weight-layout-mixed-up',
  title: 'a reordered weight is decoded in the other layout',
  explanation:
    'Some backends store all codes of a tensor (or row) first and all scales behind them. Decoded block by block, or plain ' +
    'blocks decoded as if they were reordered, scales are made of codes and codes of scales.',
  whereToLook:
    'Every kernel that reads this weight: has each the same idea of the layout (reordered at load, or on first use)? Often ' +
    'one path of several, prefill or decode, was not changed.',
  citations: ['ggml-org/llama.cpp#21638'],
  catalogue: [12],
  generality: 1,
  *variants(site) {
    const weight = wholeWeightOf(site);
    const fields = weight && FIELDS[weight.type];
    if (!weight || !fields) return;
    const { type, ne } = weight;
    for (const { name, ...arrangement } of arrangements(fields)) {
      const parameters = { type, layout: name };
      if (ne[1] > 1) {
        const variant: Variant = {
          label: name,
          parameters,
          needsAllRows: true,
          predict: (s) => {
            const data = dataOf(s, weight);
            return evaluateWith(
              s,
              tensorOfBytes(weight.name, type, ne, rearranged(allBytes(data), fields, arrangement)),
            );
          },
        };
        yield variant;
      }
      if (rowBytes(type, ne[0]) > QUANT_FORMATS[type].blockBytes) {
        yield decoderVariant(`${name}, each row`, parameters, type, () => rowDecoder(type, fields, arrangement));
      }
    }
  },
};
