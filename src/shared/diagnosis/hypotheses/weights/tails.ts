import type { DequantizeBlocks } from '../../../quant/format';
import { supportedFormat } from '../../../quant/registry';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged } from '../../site';
import { decoderVariant, weightOf } from './weight-site';

/** Tile and workgroup sizes of kernels. */
const TILES = [32, 64, 128, 256, 512, 1024, 2048, 4096];
const SMALL_TILES = [2, 4, 8, 16, ...TILES];
/** Where a loop or a buffer may end. */
const CAPS = [256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

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
    for (const tile of TILES) {
      const tail = k % tile;
      if (tail > 0 && tail < k) yield keeping(k - tail, `K mod ${tile}`, { tile, elements: k, missing: tail });
    }
    if (k > blockElements) {
      yield keeping(k - blockElements, 'last block', { elements: k, missing: blockElements });
    }
    for (const cap of CAPS) {
      if (k > cap) yield keeping(cap, `past ${cap}`, { limit: cap, elements: k, missing: k - cap });
    }
  },
};

/** Which elements of the result are left at zero: those from channel or column `from` on. */
interface Uncomputed {
  readonly along: 'channels' | 'tokens';
  readonly from: number;
}

function zeroed(site: Site, right: Float32Array, { along, from }: Uncomputed): Float32Array {
  const [n0, n1] = site.node.ne;
  const out = right.slice();
  if (along === 'channels') for (let i = 0; i < out.length; i += n0) out.fill(0, i + from, i + n0);
  else for (let i = 0; i < out.length; i += n0 * n1) out.fill(0, i + from * n0, i + n0 * n1);
  return out;
}

/** Whether those elements of a known wrong result are zero: else there is no need to compute anything. */
function isZeroThere(site: Site, { along, from }: Uncomputed): boolean {
  const { wrong, mask, node } = site;
  if (!wrong) return true;
  const [n0, n1] = node.ne;
  for (let i = 0; i < wrong.length; i++) {
    const at = along === 'channels' ? i % n0 : Math.floor(i / n0) % n1;
    if (at >= from && wrong[i] !== 0 && mask?.[i] !== 0) return false;
  }
  return true;
}

export const RESULTS_NOT_COMPUTED: Hypothesis = {
  id: 'results-past-tile-missing',
  title: 'results past a multiple of the tile are not computed',
  explanation:
    'A kernel launched for whole tiles never writes the last rows of the weight (channels of the result) or the last ' +
    'tokens of the batch; what is left there are zeros.',
  whereToLook: 'The number of workgroups (rounded up?) and the bounds check inside; limits on rows or batch size.',
  citations: ['ggml-org/llama.cpp#27450', 'ggml-org/llama.cpp#25464'],
  catalogue: [13],
  generality: 1,
  *variants(site) {
    if (!weightOf(site)) return;
    const [n0, n1] = site.node.ne;
    const missing = (label: string, part: Uncomputed, parameters: Readonly<Record<string, number>>): Variant => ({
      label,
      parameters,
      needsAllRows: true,
      predict: (s) => zeroed(s, evaluateChanged(s, {}), part),
    });
    for (const [along, n] of [
      ['channels', n0],
      ['tokens', n1],
    ] as const) {
      for (const tile of SMALL_TILES) {
        const from = n - (n % tile);
        if (from === n || from === 0 || !isZeroThere(site, { along, from })) continue;
        yield missing(`${along} mod ${tile}`, { along, from }, { tile, [along]: n, missing: n - from });
      }
      for (const from of [1, 2, 4, 8, 16, 32, 64, 128, ...CAPS]) {
        if (from >= n || !isZeroThere(site, { along, from })) continue;
        yield missing(`${along} past ${from}`, { along, from }, { limit: from, [along]: n, missing: n - from });
      }
    }
  },
};
