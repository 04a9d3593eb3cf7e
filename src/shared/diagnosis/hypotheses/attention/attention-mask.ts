import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { EditRow, Mask, Sight } from './mask-site';
import { editedMask, maskOf, sightOf, withMask } from './mask-site';

export const ATTENTION_MASK: Hypothesis = {
  id: 'attention-mask',
  title: 'the attention mask is missing or wrong',
  explanation:
    'The mask decides which keys a token sees: itself and those before it, none of the padding. With a key too many or ' +
    'too few, the probabilities of the tokens concerned are shared out wrongly.',
  whereToLook:
    'How your engine builds the mask: i ≥ j against i > j, positions of cached tokens, unused cache cells masked with ' +
    '−∞, which dimension counts queries and which keys.',
  citations: ['ggml-org/llama.cpp#12776', 'tenstorrent/tt-metal#54413'],
  catalogue: [20, 43],
  generality: 1,
  *variants(site) {
    const mask = maskOf(site);
    if (!mask) return;
    const sight = sightOf(mask, 0);
    const isPadded = sight.seen.includes(0);
    yield edited('missing', mask, (row) => row.fill(0));
    if (isPadded) yield edited('causal mask missing', mask, (row, _, { seen }) => open(row, (k) => seen[k] === 1));
    if (isPadded) yield edited('padding visible', mask, (row, _, { seen }) => open(row, (k) => seen[k] === 0));
    if (isPadded) yield* partlyVisible(site, mask, sight);
    yield edited('sees one key too many', mask, (row, r, { last }) => {
      const next = (last[r] as number) + 1;
      if (next < row.length) row[next] = 0;
    });
    yield edited('does not see itself', mask, (row, r, { last }) => {
      row[last[r] as number] = -Infinity;
    });
    yield edited('does not see itself, the first token excepted', mask, (row, r, { first, last }) => {
      if (first[r] !== last[r]) row[last[r] as number] = -Infinity;
    });
    yield edited('does not see the first key', mask, (row, r, { first, last }) => {
      if (first[r] !== last[r]) row[first[r] as number] = -Infinity;
    });
    yield edited('sees only itself', mask, (row, r, { last }) => {
      row.fill(-Infinity, 0, last[r]);
    });
    const own = sight.last[0] as number;
    if (own > 0) {
      yield edited('does not see tokens cached before this run', mask, (row, _, { last }) => {
        row.fill(-Infinity, 0, last[0]);
      });
    }
    if (mask.rows > 1 && sight.used <= mask.rows) yield transposed(mask, sight.used);
    yield {
      label: 'keys shifted by one',
      parameters: { mask: 'keys shifted by one' },
      predict: (s) =>
        withMask(
          s,
          editedMask(mask, (row) => row.copyWithin(1, 0)),
        ),
    };
  },
};

/** Padding up to where an engine may round the number of keys up to. */
const MULTIPLES = [2, 4, 8, 16, 32, 64, 128];

/** Keys past the last one that is used, up to some limit, are seen too: a multiple, or what a soft-max itself shows. */
function* partlyVisible(site: Site, mask: Mask, { used }: Sight): Iterable<Variant> {
  const limits = new Set(MULTIPLES.map((n) => Math.ceil(used / n) * n));
  const shown = site.node.kind === 'SOFT_MAX' ? lastPositive(site, mask.keys) : 0;
  for (const limit of new Set([...limits, shown])) {
    if (limit <= used || limit >= mask.keys) continue;
    const label = `keys up to ${limit} visible`;
    const predict = (s: Site): Float32Array =>
      withMask(
        s,
        editedMask(maskOf(s) ?? mask, (row) => open(row, (k) => k >= used && k < limit)),
      );
    const parameters = { mask: 'padding visible', keys: limit, right: used };
    yield { label, parameters, predict, estimated: !limits.has(limit) };
  }
}

/** One past the last key that has a probability in the wrong result; 0 where that is not known. */
function lastPositive({ wrong, mask }: Site, keys: number): number {
  let last = 0;
  wrong?.forEach((p, i) => {
    if (p > 0 && mask?.[i] !== 0) last = Math.max(last, (i % keys) + 1);
  });
  return last;
}

function edited(label: string, mask: Mask, edit: EditRow): Variant {
  return { label, parameters: { mask: label }, predict: (s) => withMask(s, editedMask(maskOf(s) ?? mask, edit)) };
}

function open(row: Float32Array, isOpen: (key: number) => boolean): void {
  for (let k = 0; k < row.length; k++) if (row[k] === -Infinity && isOpen(k)) row[k] = 0;
}

/** Queries and keys swapped among the `used` keys. */
function transposed({ values, keys, rows }: Mask, used: number): Variant {
  const out = values.slice();
  const planes = values.length / (rows * keys);
  for (let plane = 0; plane < planes; plane++) {
    const at = plane * rows * keys;
    for (let r = 0; r < used; r++) {
      for (let k = 0; k < used; k++) out[at + r * keys + k] = values[at + k * keys + r] as number;
    }
  }
  return { label: 'transposed', parameters: { mask: 'transposed' }, predict: (s) => withMask(s, out) };
}
