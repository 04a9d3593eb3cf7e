import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { Mask } from './mask-site';
import { editedMask, maskOf, sightOf, withMask } from './mask-site';
import { evaluateAsIs } from './source-values';

/** Keys per tile of an online soft-max. */
const TILES = [8, 16, 32, 64, 128, 256];

export const MASKED_ROWS: Hypothesis = {
  id: 'masked-rows',
  title: 'rows or tiles of keys that are masked throughout go wrong',
  explanation:
    'Where every key so far is masked the maximum is −∞, and −∞ − (−∞) is NaN; with a finite mask value such rows come ' +
    'out as an average over keys that should not be seen. Compiled for finite numbers only, every −∞ may become NaN.',
  whereToLook:
    'What the running maximum starts from, what is added to masked scores, and a guard for rows without any visible key, and fast-math flags.',
  citations: [
    'ggml-org/llama.cpp#12776',
    'ggml-org/llama.cpp#10723',
    'ggml-org/llama.cpp#22808',
    'ggml-org/llama.cpp#7726',
  ],
  catalogue: [20, 21],
  generality: 1,
  *variants(site) {
    const mask = maskOf(site);
    if (!mask) return;
    // further on everything is NaN, which says nothing of where it began
    if (site.wrong && mask.values.includes(-Infinity)) {
      yield {
        label: 'NaN from every masked key',
        parameters: { masked: 'NaN', right: '-Infinity' },
        predict: (s) =>
          withMask(
            s,
            (maskOf(s) ?? mask).values.map((m) => (m === -Infinity ? NaN : m)),
          ),
      };
    }
    const { first, last } = sightOf(mask, 0);
    const tokens = Math.min(mask.rows, tokensOf(site));
    const hasBlind = last.subarray(0, tokens).includes(-1);
    if (hasBlind) {
      for (const value of [NaN, 0]) yield blindRows(mask, `${value}`, () => value);
      if (site.node.kind === 'SOFT_MAX') yield blindRows(mask, 'uniform', (keys) => 1 / keys);
      yield {
        label: 'a finite mask value',
        parameters: { mask: 'finite', right: '-Infinity' },
        predict: (s) =>
          withMask(
            s,
            (maskOf(s) ?? mask).values.map((m) => (m === -Infinity ? -10000 : m)),
          ),
      };
    }
    const latest = first.subarray(0, tokens).reduce((a, b) => Math.max(a, b), 0);
    for (const tile of TILES) {
      if (tile > latest) continue;
      const label = `NaN after a masked tile of ${tile}`;
      const predict = (s: Site): Float32Array =>
        withMask(
          s,
          editedMask(maskOf(s) ?? mask, (row, r, sight) => {
            if ((sight.first[r] as number) >= tile) row.fill(NaN);
          }),
        );
      yield { label, parameters: { tile }, predict };
    }
  },
};

function tokensOf({ node }: Site): number {
  return node.kind === 'SOFT_MAX' ? node.ne[1] : node.ne[2];
}

/** The right result with another value in rows that see no key. */
function blindRows(mask: Mask, label: string, valueOf: (keys: number) => number): Variant {
  const predict = (site: Site): Float32Array => {
    const out = evaluateAsIs(site).slice();
    const [width, ne1, ne2] = site.node.ne;
    const isSoftMax = site.node.kind === 'SOFT_MAX';
    const planes = mask.values.length / (mask.rows * mask.keys);
    const sights = Array.from({ length: planes }, (_, p) => sightOf(mask, p).last);
    for (let at = 0, row = 0; at < out.length; at += width, row++) {
      const [a, b] = [row % ne1, Math.floor(row / ne1) % ne2];
      const [token, head] = isSoftMax ? [a, b] : [b, a];
      if ((sights[head % planes] as Int32Array)[token] === -1) out.fill(valueOf(mask.keys), at, at + width);
    }
    return out;
  };
  return { label: `${label} in masked rows`, parameters: { maskedRows: label }, predict };
}
