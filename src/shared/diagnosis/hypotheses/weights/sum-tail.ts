import type { DequantizeBlocks } from '../../../quant/format';
import { supportedFormat } from '../../../quant/registry';
import type { Hypothesis, Variant } from '../../hypothesis';
import { keptElements } from './kept-elements';
import { CAPS, TILES } from './tiles';
import { decoderVariant, weightOf } from './weight-site';

/** The right decoder with elements `kept` … of each row zero: they add nothing to the sum. */
function withoutTail(decode: DequantizeBlocks, blockElements: number, kept: number): DequantizeBlocks {
  return (src, srcOffset, blocks, dst, dstOffset) => {
    decode(src, srcOffset, blocks, dst, dstOffset);
    dst.fill(0, dstOffset + Math.min(kept, blocks * blockElements), dstOffset + blocks * blockElements);
  };
}

export const SUM_TAIL_DROPPED: Hypothesis = {
  id: 'sum-tail-dropped',
  title: 'the end of each row is not added to the dot products',
  explanation:
    'A kernel that adds whole tiles loses the last K mod tile elements where K is not a multiple of the tile; one with a ' +
    'fixed limit loses all past it. Every result misses the same few products; aligned sizes are right.',
  whereToLook: 'The bound of the loop over K: integer division by tile, warp or unroll size without a remainder loop.',
  citations: [
    'ggml-org/llama.cpp#27450',
    'ggml-org/llama.cpp#25464',
    'ggml-org/llama.cpp#8549',
    'ggml-org/llama.cpp#8311',
  ],
  catalogue: [13],
  generality: 1,
  *variants(site) {
    const weight = weightOf(site);
    if (!weight || site.node.kind === 'GET_ROWS') return;
    const { type } = weight;
    const [k] = weight.ne;
    const { dequantize, blockElements } = supportedFormat(type);
    const keeping = (kept: number, label: string, parameters: Readonly<Record<string, number>>): Variant =>
      decoderVariant(label, parameters, type, () => withoutTail(dequantize, blockElements, kept));
    const known = new Set<number>();
    for (const tile of TILES) {
      const tail = k % tile;
      if (tail === 0 || tail === k || known.has(k - tail)) continue;
      known.add(k - tail);
      yield keeping(k - tail, `K mod ${tile}`, { tile, elements: k, missing: tail });
    }
    if (k > blockElements) {
      yield keeping(k - blockElements, 'last block', { elements: k, missing: blockElements });
    }
    for (const cap of CAPS) {
      if (k > cap) yield keeping(cap, `past ${cap}`, { limit: cap, elements: k, missing: k - cap });
    }
    const kept = keptElements(site);
    if (kept !== undefined) {
      const variant = keeping(kept, 'an end that is read off', { limit: kept, elements: k, missing: k - kept });
      yield { ...variant, estimated: true };
    }
  },
};
