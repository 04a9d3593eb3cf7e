/** Mat-mul, flash attention and copy sites, and products once more by plain loops. */
import type { Dims } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { GraphBuilder } from '../../../ops/graph-builder';
import { floatBits } from '../../../ops/op-helpers';
import { siteOf } from '../../try-hypothesis';
import { spread } from './planted';

export interface ProductSite {
  readonly site: Site;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

export interface ProductSpec {
  /** Terms per sum, rows of A, columns of B per head, heads of A, heads of B. */
  readonly sizes: readonly [number, number, number, number, number];
  /** Byte strides of A and B where they are permuted views. */
  readonly nbA?: Dims;
  readonly nbB?: Dims;
  readonly size?: number;
}

export function productSite({ sizes, nbA, nbB, size }: ProductSpec): ProductSite {
  const [k, rows, columns, headsA, headsB] = sizes;
  const g = new GraphBuilder();
  const a = g.node('a', 'ADD', [k, rows, headsA, 1], [], nbA ? { nb: nbA } : {});
  const b = g.node('b', 'ADD', [k, columns, headsB, 1], [], nbB ? { nb: nbB } : {});
  const id = g.node('kq', 'MUL_MAT', [rows, columns, headsB, 1], [a, b]);
  const graph = g.build();
  const [va, vb] = [spread(k * rows * headsA, 5, size), spread(k * columns * headsB, 6, size)];
  return { site: siteOf({ graph, node: tensorOf(graph, id), sources: [va, vb] }), a: va, b: vb };
}

/** Adds up the products of one element, by its row of A and column of B. */
export type Adds = (terms: readonly number[]) => number;
export const inOrder: Adds = (terms) => terms.reduce((s, t) => s + t, 0);

/** Σ A × B with a head of A for each head of B. */
export function plantedProduct(
  { a, b }: ProductSite,
  [k, rows, columns, headsA, headsB]: ProductSpec['sizes'],
  kvOf: (head: number) => number = (h) => Math.floor((h * headsA) / headsB),
  add: Adds = inOrder,
): Float32Array {
  const out = new Float32Array(rows * columns * headsB);
  for (let h = 0, i = 0; h < headsB; h++) {
    for (let c = 0; c < columns; c++) {
      for (let r = 0; r < rows; r++, i++) {
        const terms = Array.from(
          { length: k },
          (_, t) => a[(kvOf(h) * rows + r) * k + t]! * b[(h * columns + c) * k + t]!,
        );
        out[i] = add(terms);
      }
    }
  }
  return out;
}

export interface FlashSite {
  readonly site: Site;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** 8 channels, 5 tokens, 4 heads over 2 of K and V, 9 keys; `sees` says which. */
export function flashSite(sees: (token: number, key: number) => boolean, softcap = 0): FlashSite {
  const g = new GraphBuilder();
  const q = g.node('q', 'ADD', [8, 5, 4, 1], []);
  const k = g.node('k', 'ADD', [8, 9, 2, 1], []);
  const v = g.node('v', 'ADD', [8, 9, 2, 1], []);
  const mask = g.leaf('input', 'mask', [9, 5, 1, 1]);
  const params = [floatBits(0.5), 0, floatBits(softcap)];
  const id = g.node('out', 'FLASH_ATTN_EXT', [8, 4, 5, 1], [q, k, v, mask], { params });
  const graph = g.build();
  const [vq, vk, vv] = [spread(160, 1, 3), spread(144, 2, 3), spread(144, 3)];
  const m = Float32Array.from({ length: 45 }, (_, i) => (sees(Math.floor(i / 9), i % 9) ? 0 : -Infinity));
  return { site: siteOf({ graph, node: tensorOf(graph, id), sources: [vq, vk, vv, m] }), q: vq, k: vk, v: vv };
}

/** Attention by plain loops; rows that see nothing give `blind`. */
export function plantedFlash(
  { q, k, v }: FlashSite,
  sees: (token: number, key: number) => boolean,
  options: {
    readonly kvOf?: (head: number) => number;
    readonly cap?: (score: number) => number;
    readonly blind?: number;
  } = {},
): Float32Array {
  const { kvOf = (h: number) => h >> 1, cap = (s: number) => s, blind = 0 } = options;
  const out = new Float32Array(160);
  for (let token = 0; token < 5; token++) {
    for (let h = 0; h < 4; h++) {
      const at = (token * 4 + h) * 8;
      let sum = 0;
      for (let key = 0; key < 9; key++) {
        if (!sees(token, key)) continue;
        let score = 0;
        for (let c = 0; c < 8; c++) score += q[(h * 5 + token) * 8 + c]! * k[(kvOf(h) * 9 + key) * 8 + c]!;
        const power = Math.exp(cap(0.5 * score));
        sum += power;
        for (let c = 0; c < 8; c++) out[at + c]! += power * v[(kvOf(h) * 9 + key) * 8 + c]!;
      }
      for (let c = 0; c < 8; c++) out[at + c] = sum === 0 ? blind : out[at + c]! / sum;
    }
  }
  return out;
}
