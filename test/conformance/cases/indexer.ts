import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

interface Indexer {
  readonly n?: number;
  readonly heads?: number;
  readonly tokens?: number;
  readonly keys?: number;
  readonly streams?: number;
  readonly maskStreams?: number;
  readonly k?: GgmlTypeName;
  readonly mask?: (key: number, token: number) => number;
}

function wave(count: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(i * step + step));
}

function indexer(g: GgmlBench, a: Indexer, layout?: { q?: Tensor; k?: Tensor }): Tensor {
  const { n = 64, heads = 5, tokens = 3, keys = 37, streams = 1, maskStreams = 1, k = 'F32' } = a;
  const { mask = (key: number, token: number) => (key > 12 * token + 9 ? -Infinity : -(key % 4) / 2) } = a;
  const q = layout?.q ?? g.f32([n, heads, tokens, streams], wave(n * heads * tokens * streams, 0.73));
  const keyTensor = layout?.k ?? g.weight(k, [n, 1, keys, streams]);
  const weights = g.f32([heads, tokens, 1, streams], wave(heads * tokens * streams, 1.1));
  const values = Array.from({ length: keys * tokens * maskStreams }, (_, i) =>
    mask(i % keys, Math.floor(i / keys) % tokens),
  );
  const maskTensor = g.f16([keys, tokens, 1, maskStreams], values);
  return g.op('ggml_lightning_indexer', 'TTTT', q, keyTensor, weights, maskTensor);
}

function plain(name: string, a: Indexer): OpCase {
  return { kind: 'LIGHTNING_INDEXER', name, build: (g) => indexer(g, a) };
}

const TYPES: readonly GgmlTypeName[] = ['F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'IQ4_NL'];

/** LIGHTNING_INDEXER: sizes, types of keys, masks, streams, views. */
export const INDEXER: OpCases = [
  ...[1, 64, 65, 257].map((keys) => plain(`${keys} keys`, { keys })),
  ...[1, 3, 4, 9].map((heads) => plain(`${heads} heads`, { heads })),
  ...[1, 3, 33, 128].map((n) => plain(`${n} channels`, { n })),
  plain('64 heads of 128 channels, one token', { n: 128, heads: 64, tokens: 1 }),
  ...TYPES.map((k) => plain(`keys of ${k}`, { k })),
  plain('keys of F16, ragged', { k: 'F16', n: 33 }),
  plain('streams', { streams: 4, k: 'F16' }),
  plain('streams with a mask each', { streams: 2, maskStreams: 2 }),
  plain('streams with masks in turns', { streams: 4, maskStreams: 2 }),
  plain('infinities in the mask', { mask: (key) => [0, -0, Infinity, -Infinity, 65504, 6e-8][key % 6]! }),
  plain('a mask that hides all', { mask: () => -Infinity }),
  {
    kind: 'LIGHTNING_INDEXER',
    name: 'permuted queries, keys with gaps',
    build: (g) => {
      const q = g.permute(g.f32([64, 3, 5], wave(960, 0.73)), 0, 2, 1, 3);
      const k = g.view(g.f16([64, 3, 40], wave(64 * 120, 0.59)), [64, 1, 37, 1], [128, 3 * 128, 3 * 128 * 37], 128);
      return indexer(g, {}, { q, k });
    },
  },
  plain('no tokens', { tokens: 0 }),
  plain('no keys', { keys: 0 }),
];
