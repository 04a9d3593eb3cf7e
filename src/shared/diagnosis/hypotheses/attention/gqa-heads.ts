import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { HeadShare } from './head-planes';
import { headShareOf, withHeadMap, withHeadOrder } from './head-planes';
import { evaluateAsIs } from './source-values';

const EXPLANATION =
  'Consecutive query heads share a head of K and V: query head h reads h / (heads / kv heads). With another rule some ' +
  'heads read the wrong keys or values; those for which both rules agree are exact.';
const WHERE =
  'The index of the K and V head in your attention: h / r repeats heads, h % n_kv tiles them; r is heads / kv heads.';
const CITATIONS = ['ekzhang/jax-js#180', 'PSAL-POSTECH/ONNXim#34'];

export const GQA_HEADS: Hypothesis = {
  id: 'gqa-heads',
  title: 'query heads read the wrong K or V head (grouped-query attention)',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: CITATIONS,
  catalogue: [38],
  generality: 1,
  *variants(site) {
    const share = headShareOf(site);
    if (!share) return;
    for (const [label, map] of headMaps(share)) yield mapped(label, share, map);
    if (share.kvHeads === 1 || share.kvHeads === share.heads) return;
    const { heads, kvHeads } = share;
    const r = heads / kvHeads;
    yield ordered(
      'query heads ordered by group, then K head',
      share,
      (p) => (p % kvHeads) * r + Math.floor(p / kvHeads),
    );
    yield ordered('query heads ordered by K head, then group', share, (p) => (p % r) * kvHeads + Math.floor(p / r));
  },
};

/** Rules that engines use by mistake, those left out that give the right map. */
function headMaps({ heads, kvHeads }: HeadShare): readonly (readonly [string, (head: number) => number])[] {
  const r = heads / kvHeads;
  const clamp = (h: number): number => Math.min(kvHeads - 1, Math.floor(h));
  const rules: readonly (readonly [string, (head: number) => number])[] = [
    ['tiled: h % n_kv', (h) => h % kvHeads],
    ['all read K head 0', () => 0],
    ['divided by n_kv', (h) => clamp(h / kvHeads)],
    ['divided by one more than r', (h) => clamp(h / (r + 1))],
    ['divided by one less than r', (h) => (r > 1 ? clamp(h / (r - 1)) : 0)],
    ['divided by twice as many', (h) => clamp(h / (2 * r))],
    ['divided by half as many', (h) => Math.floor((2 * h) / r) % kvHeads],
    ['not divided, the last one for the rest', clamp],
    ['next K head', (h) => (Math.floor(h / r) + 1) % kvHeads],
    ['in reverse', (h) => kvHeads - 1 - Math.floor(h / r)],
  ];
  const seen = new Set([mapText(heads, (h) => Math.floor(h / r))]);
  return rules.filter(([, map]) => {
    const text = mapText(heads, map);
    return !seen.has(text) && seen.add(text);
  });
}

function mapText(heads: number, map: (head: number) => number): string {
  return Array.from({ length: heads }, (_, h) => map(h)).join(', ');
}

function mapped(label: string, share: HeadShare, map: (head: number) => number): Variant {
  const right = mapText(share.heads, (h) => Math.floor((h * share.kvHeads) / share.heads));
  return {
    label,
    parameters: { kvHeads: mapText(share.heads, map), right },
    predict: (s) => withHeadMap(s, share, map),
  };
}

function ordered(label: string, share: HeadShare, headAt: (place: number) => number): Variant {
  return {
    label,
    parameters: { heads: mapText(share.heads, headAt) },
    predict: (s) => withHeadOrder(s, share, evaluateAsIs(s), headAt),
  };
}

/** K heads that are tried for every query head. */
const MOST_KV_HEADS = 16;
/** A head counts as found where this share of its error is gone. */
const FOUND = 0.9;

export const GQA_HEAD_MAP: Hypothesis = {
  id: 'gqa-head-map',
  title: 'query heads read K or V heads in another order',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: CITATIONS,
  catalogue: [38],
  generality: 2,
  *variants(site) {
    const share = headShareOf(site);
    if (!share || !site.wrong || share.kvHeads < 2 || share.kvHeads > MOST_KV_HEADS) return;
    const map = foundMap(site, site.wrong, share);
    const isRight = map?.every((kv, h) => kv === Math.floor((h * share.kvHeads) / share.heads));
    if (map && isRight === false) yield mapped('found by matching', share, (h) => map[h] as number);
  },
};

/** The K head that reproduces each query head; undefined where one matches none. */
function foundMap(site: Site, wrong: Float32Array, share: HeadShare): readonly number[] | undefined {
  const { heads, kvHeads } = share;
  const run = share.headDimension === 1 ? site.node.ne[0] : site.node.ne[0] * site.node.ne[1];
  const errorOf = (predicted: Float32Array): Float64Array => {
    const error = new Float64Array(heads);
    for (let i = 0; i < wrong.length; i++) {
      if (site.mask?.[i] === 0) continue;
      error[Math.floor(i / run) % heads]! += ((wrong[i] as number) - (predicted[i] as number)) ** 2;
    }
    return error;
  };
  const before = errorOf(site.right);
  const total = before.reduce((a, b) => a + b, 0);
  const best = new Float64Array(heads).fill(Infinity);
  const map = new Array<number>(heads).fill(0);
  for (let kv = 0; kv < kvHeads; kv++) {
    const error = errorOf(withHeadMap(site, share, () => kv));
    for (let h = 0; h < heads; h++) {
      if (!((error[h] as number) < (best[h] as number))) continue;
      best[h] = error[h] as number;
      map[h] = kv;
    }
  }
  const isFound = best.every((left, h) => left <= (1 - FOUND) * Math.max(before[h] as number, total / heads));
  return isFound ? map : undefined;
}
