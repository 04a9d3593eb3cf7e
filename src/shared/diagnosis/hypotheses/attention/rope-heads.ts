import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { valuesOf } from '../../site';
import { ropeOf } from './rope-site';
import { evaluateAsIs } from './source-values';

export const ROPE_HEADS: Hypothesis = {
  id: 'rope-some-heads',
  title: 'RoPE rotates only the first heads',
  explanation: 'The first heads are rotated right, those after them pass unrotated.',
  whereToLook:
    'The bound of the loop over heads in your RoPE kernel, or its dispatch size: the number of K heads, not Q heads, or a ' +
    'single head or tile of heads.',
  citations: [],
  catalogue: [29],
  generality: 2,
  *variants(site) {
    if (!ropeOf(site)) return;
    const [, heads] = site.node.ne;
    if (heads < 2) return;
    const counts = site.wrong ? [rotatedHeads(site, site.wrong)] : [1, heads >> 1];
    for (const count of new Set(counts)) if (count > 0 && count < heads) yield firstHeads(count, heads);
  },
};

function firstHeads(count: number, heads: number): Variant {
  const predict = (site: Site): Float32Array => {
    const [channels] = site.node.ne;
    const out = evaluateAsIs(site).slice();
    const x = valuesOf(site, 0);
    for (let at = 0, row = 0; at < out.length; at += channels, row++) {
      if (row % heads >= count) out.set(x.subarray(at, at + channels), at);
    }
    return out;
  };
  return { label: `the first ${count}`, parameters: { rotatedHeads: count, right: heads }, predict };
}

/** How many heads from the first on are nearer to the rotated values than to those before. */
function rotatedHeads(site: Site, wrong: Float32Array): number {
  const [channels, heads] = site.node.ne;
  const x = valuesOf(site, 0);
  const gain = new Float64Array(heads);
  for (let i = 0; i < wrong.length; i++) {
    if (site.mask?.[i] === 0) continue;
    const w = wrong[i] as number;
    gain[Math.floor(i / channels) % heads]! += (w - (x[i] as number)) ** 2 - (w - (site.right[i] as number)) ** 2;
  }
  const first = gain.findIndex((g) => g < 0);
  return first < 0 ? heads : first;
}
