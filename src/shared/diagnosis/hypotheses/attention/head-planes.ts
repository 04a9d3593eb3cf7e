/** Attention with another head of K and V per query head: K·Q, V·P and flash attention. */
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';
import type { Reshaped } from './source-values';
import { evaluateReshaped, isAttentionProduct } from './source-values';

/** How heads of K and V are shared. */
export interface HeadShare {
  readonly heads: number;
  readonly kvHeads: number;
  /** Sources that are shared: A of a product; k and v. */
  readonly shared: readonly number[];
  /** Dimension of the result that counts heads. */
  readonly headDimension: 1 | 2;
}

/** Undefined where the node is no attention over several heads. */
export function headShareOf(site: Site): HeadShare | undefined {
  const isFlash = site.node.kind === 'FLASH_ATTN_EXT';
  if (!isFlash && !isAttentionProduct(site)) return undefined;
  const [q, kv] = isFlash ? [0, 1] : [1, 0];
  const heads = sourceTensor(site, q)?.ne[2] ?? 1;
  const kvHeads = sourceTensor(site, kv)?.ne[2] ?? 1;
  if (heads < 2) return undefined;
  return { heads, kvHeads, shared: isFlash ? [1, 2] : [0], headDimension: isFlash ? 1 : 2 };
}

/** The result where query head h reads kvHeadOf(h). */
export function withHeadMap(site: Site, share: HeadShare, kvHeadOf: (head: number) => number): Float32Array {
  const changed = new Map<number, Reshaped>();
  for (const index of share.shared) {
    const t = sourceTensor(site, index);
    if (!t) continue;
    const values = valuesOf(site, index);
    const plane = t.ne[0] * t.ne[1];
    const out = new Float32Array(plane * share.heads * t.ne[3]);
    for (let i3 = 0; i3 < t.ne[3]; i3++) {
      for (let h = 0; h < share.heads; h++) {
        const from = (i3 * share.kvHeads + kvHeadOf(h)) * plane;
        out.set(values.subarray(from, from + plane), (i3 * share.heads + h) * plane);
      }
    }
    changed.set(index, { ne: [t.ne[0], t.ne[1], share.heads, t.ne[3]], values: out });
  }
  return evaluateReshaped(site, changed);
}

/** The result with head headAt(p) in the place of head p. */
export function withHeadOrder(
  site: Site,
  share: HeadShare,
  values: Float32Array,
  headAt: (place: number) => number,
): Float32Array {
  const { ne } = site.node;
  const run = share.headDimension === 1 ? ne[0] : ne[0] * ne[1];
  const out = new Float32Array(values.length);
  for (let at = 0, i = 0; at < values.length; at += run, i++) {
    const place = i % share.heads;
    const from = at + (headAt(place) - place) * run;
    out.set(values.subarray(from, from + run), at);
  }
  return out;
}
