import { rowBytes } from '../../../src/shared/quant/registry';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import type { GgmlBench, Tensor } from '../ggml-bench';
import type { OpCase, OpCases } from '../op-case';

interface Attention {
  /** Channels of q and k, and of v where they differ. */
  readonly head?: number;
  readonly valueHead?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly tokens?: number;
  readonly keys?: number;
  readonly batches?: number;
  readonly k?: GgmlTypeName;
  readonly v?: GgmlTypeName;
  readonly mask?: Mask;
  readonly scale?: number;
  readonly maxBias?: number;
  readonly softcap?: number;
  readonly sinks?: readonly number[];
  readonly precision?: number;
  /** How q, k, v lie in memory: as they come; rows of all heads side by side, as in a KV cache; a part of a longer cache. */
  readonly layout?: 'dense' | 'permuted' | 'cache';
}

interface Mask {
  /** Rows; as many as tokens when absent. */
  readonly rows?: number;
  readonly planes?: readonly [number, number];
  readonly at?: (key: number, token: number) => number;
}

const causal = (key: number, token: number): number => (key > 2 * token + 1 ? -Infinity : -(key % 5) / 8);

/** Values of ordinary size: attention on random values of many magnitudes would be a plain mean. */
function wave(count: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(i * step + step) + Math.cos(i * step * 0.37));
}

/** Rows of a source, [channels, rows, heads, batches], in a layout. */
function rows(g: GgmlBench, a: Attention, type: GgmlTypeName, ne: readonly [number, number, number, number]): Tensor {
  const [n, count, heads, batches] = ne;
  const make = (shape: readonly number[]): Tensor =>
    type === 'F32' || type === 'F16' || type === 'BF16'
      ? g.float(
          type,
          shape,
          wave(
            shape.reduce((x, y) => x * y, 1),
            type === 'F32' ? 0.73 : 0.59,
          ),
        )
      : g.weight(type, shape);
  if (a.layout === 'permuted') return g.permute(make([n, heads, count, batches]), 0, 2, 1, 3);
  if (a.layout !== 'cache') return make(ne);
  const row = rowBytes(type, n);
  return g.view(make([n, count + 3, heads, batches]), ne, [row, row * (count + 3), row * (count + 3) * heads], row);
}

function attend(g: GgmlBench, a: Attention): Tensor {
  const { head = 64, heads = 2, tokens = 3, keys = 37, batches = 1, precision } = a;
  const kvHeads = a.kvHeads ?? heads;
  const q = rows(g, { ...a, layout: a.layout === 'permuted' ? 'permuted' : 'dense' }, 'F32', [
    head,
    tokens,
    heads,
    batches,
  ]);
  const k = rows(g, a, a.k ?? 'F32', [head, keys, kvHeads, batches]);
  const v = rows(g, a, a.v ?? a.k ?? 'F32', [a.valueHead ?? head, keys, kvHeads, batches]);
  const mask = a.mask ? maskOf(g, a.mask, keys, tokens) : null;
  const scale = a.scale ?? 1 / Math.sqrt(head);
  const node = g.op('ggml_flash_attn_ext', 'TTTTfff', q, k, v, mask, scale, a.maxBias ?? 0, a.softcap ?? 0);
  if (a.sinks) g.alter('ggml_flash_attn_ext_add_sinks', 'TT', node, g.f32([heads], a.sinks));
  if (precision !== undefined) g.alter('ggml_flash_attn_ext_set_prec', 'Ti', node, precision);
  return node;
}

function maskOf(g: GgmlBench, mask: Mask, keys: number, tokens: number): Tensor {
  const { rows: count = tokens, planes = [1, 1], at = causal } = mask;
  const ne = [keys, count, ...planes];
  const values = Array.from({ length: keys * count * planes[0] * planes[1] }, (_, i) => {
    const row = Math.floor(i / keys);
    return at(i % keys, row % count) + Math.floor(row / count) / 4;
  });
  return g.f16(ne, values);
}

function plain(name: string, a: Attention): OpCase {
  return { kind: 'FLASH_ATTN_EXT', name, build: (g) => attend(g, a) };
}

const SIZES: OpCases = [
  ...[1, 2, 7, 64, 65, 256].map((keys) => plain(`${keys} keys`, { keys })),
  plain('1031 keys, one token, a kernel of its own in ggml', {
    keys: 1031,
    tokens: 1,
    mask: { at: (key) => -(key % 3) },
  }),
  plain('1031 keys', { keys: 1031, tokens: 2 }),
  ...[1, 3, 33, 80, 128].map((head) => plain(`heads of ${head} channels`, { head, heads: 3 })),
  plain('heads of 576 channels, values of 512', { head: 576, valueHead: 512, heads: 1, keys: 66 }),
  plain('values of fewer channels', { head: 40, valueHead: 12 }),
  plain('values of more channels', { head: 12, valueHead: 203 }),
  plain('6 heads share 2', { heads: 6, kvHeads: 2, mask: {} }),
  plain('batches', { batches: 3, heads: 4, kvHeads: 1, mask: {} }),
];

/**
 * From 64 tokens on, ggml works on tiles. With a softcap and without a mask, the keys that fill up its last tile get logits
 * of −softcap in place of −∞ and take part in the sum (seen in v0.4.0), so that pair is left out.
 */
const TILES: OpCases = [
  plain('tiles, F32', { tokens: 70, keys: 70, mask: { at: causal }, head: 32 }),
  plain('tiles, F16, softcap and sinks', {
    tokens: 65,
    keys: 33,
    k: 'F16',
    head: 16,
    softcap: 5,
    sinks: [1, -1],
    mask: {},
  }),
  plain('no tiles: values of 24 channels', { tokens: 64, keys: 33, k: 'F16', head: 24 }),
];

const TYPES: readonly (readonly [GgmlTypeName, GgmlTypeName])[] = [
  ['F16', 'F16'],
  ['BF16', 'BF16'],
  ['F16', 'F32'],
  ['F32', 'F16'],
  ['Q8_0', 'Q8_0'],
  ['Q4_0', 'Q4_0'],
  ['Q8_0', 'Q4_0'],
  ['Q4_1', 'Q5_1'],
  ['Q5_0', 'F16'],
  ['F16', 'IQ4_NL'],
  ['IQ4_NL', 'IQ4_NL'],
];

const TYPE_CASES: OpCases = [
  ...TYPES.map(([k, v]) => plain(`k ${k}, v ${v}`, { k, v, mask: {}, heads: 4, kvHeads: 2 })),
  plain('k Q4_K, v Q6_K', { k: 'Q4_K', v: 'Q6_K', head: 256, heads: 1, keys: 9 }),
];

const MASKS: OpCases = [
  plain('a mask with more rows than tokens', { mask: { rows: 32 } }),
  plain('a mask per head and batch', { heads: 4, batches: 2, mask: { planes: [4, 2] } }),
  plain('a mask per second head', { heads: 4, batches: 2, mask: { planes: [2, 1] } }),
  plain('ALiBi, 4 heads', { heads: 4, maxBias: 8, mask: {} }),
  plain('ALiBi, 6 heads', { heads: 6, maxBias: 3, mask: {} }),
  plain('a token that sees nothing', { mask: { at: (_, token) => (token === 1 ? -Infinity : 0) } }),
  plain('the first 130 keys masked', { keys: 140, mask: { at: (key) => (key < 130 ? -Infinity : 0) } }),
];

const PARAMETERS: OpCases = [
  plain('softcap', { softcap: 10, scale: 2 }),
  plain('softcap with mask, far beyond', { softcap: 0.5, scale: 3, mask: {} }),
  plain('a negative scale', { scale: -0.3 }),
  plain('a scale of 0', { scale: 0, mask: {} }),
  plain('logits that leave one key', { scale: 6 }),
  plain('sinks', { heads: 4, sinks: [0, 3, -3, 10] }),
  plain('sinks that take all and nothing', { heads: 3, sinks: [60, -300, -Infinity], mask: {} }),
  plain('sinks beside tokens that see nothing', {
    sinks: [0, 2],
    mask: { at: (_, token) => (token === 1 ? -Infinity : 0) },
  }),
  plain('sinks, ALiBi, softcap', { heads: 4, sinks: [1, 2, 3, 4], maxBias: 2, softcap: 4, mask: {} }),
  plain('F32 accumulators', { precision: 10, k: 'F16' }),
];

const LAYOUTS: OpCases = [
  plain('permuted', { layout: 'permuted', heads: 4, kvHeads: 2, mask: {} }),
  plain('permuted, F16', { layout: 'permuted', k: 'F16', heads: 4, kvHeads: 2, batches: 2 }),
  plain('permuted, Q8_0', { layout: 'permuted', k: 'Q8_0', heads: 4, kvHeads: 2 }),
  plain('a part of a cache', { layout: 'cache', k: 'F16', mask: {} }),
  plain('a part of a cache of Q4_0', { layout: 'cache', k: 'Q4_0', batches: 2 }),
  {
    kind: 'FLASH_ATTN_EXT',
    name: 'values that are a part of the keys (MLA)',
    build: (g) => {
      const k = g.f16([64, 40, 1], wave(64 * 40, 0.59));
      const v = g.view(k, [56, 40, 1], [128, 128 * 40]);
      return g.op('ggml_flash_attn_ext', 'TTTTfff', g.f32([64, 3, 4], wave(768, 0.73)), k, v, null, 0.1, 0, 0);
    },
  },
  plain('no tokens', { tokens: 0 }),
];

/** FLASH_ATTN_EXT: sizes, ggml's kernels, types of k and v, masks, parameters, layouts. */
export const FLASH_ATTENTION: OpCases = [...SIZES, ...TILES, ...TYPE_CASES, ...MASKS, ...PARAMETERS, ...LAYOUTS];
