import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { EditRow, Mask, Sight } from './mask-site';
import { editedMask, maskOf, sightOf, withMask } from './mask-site';

const EXPLANATION =
  'With a sliding window a token sees only the last n keys, in some layers or all. Everything is right until a text is ' +
  'longer than the window; then keys are seen that should not be, or missed.';
const WHERE =
  'attention.sliding_window and its pattern over layers, whether the window counts the token itself, and how many cells ' +
  'a windowed cache keeps.';
const CITATIONS = [
  'ggml-org/llama.cpp#7709',
  'ggml-org/llama.cpp#8627',
  'ggml-org/llama.cpp#8227',
  'sgl-project/sglang#4823',
];

/** The window that the mask shows: its length in keys, and whether it hides any. */
function windowOf(sight: Sight): { readonly length: number; readonly hides: boolean } {
  let length = 0;
  let hides = false;
  const base = sight.seen.indexOf(1);
  sight.last.forEach((last, r) => {
    if (last < 0) return;
    const first = sight.first[r] as number;
    length = Math.max(length, last - first + 1);
    if (first > base) hides = true;
  });
  return { length, hides };
}

export const SLIDING_WINDOW: Hypothesis = {
  id: 'sliding-window',
  title: 'the sliding window is missing or off by one',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: CITATIONS,
  catalogue: [37],
  generality: 1,
  *variants(site) {
    const mask = maskOf(site);
    if (!mask) return;
    const sight = sightOf(mask, 0);
    const { length, hides } = windowOf(sight);
    if (!hides) return;
    const base = sight.seen.indexOf(1);
    yield edited('no window', { window: 'none', right: length }, mask, (row, r, { last }) => {
      row.fill(0, base, last[r]);
    });
    yield edited('one key longer', { window: length + 1, right: length }, mask, (row, r, { first }) => {
      const before = (first[r] as number) - 1;
      if (before >= base) row[before] = 0;
    });
    yield windowed(length - 1, length, mask, 'one key shorter');
    yield windowed(length >> 1, length, mask, 'half as long');
    yield edited('twice as long', { window: 2 * length, right: length }, mask, (row, r, { last }) => {
      const end = last[r] as number;
      row.fill(0, Math.max(base, end - 2 * length + 1), end);
    });
  },
};

export const SLIDING_WINDOW_LENGTH: Hypothesis = {
  id: 'sliding-window-length',
  title: 'a sliding window where this layer has none, or a shorter one',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: CITATIONS,
  catalogue: [37],
  generality: 2,
  *variants(site) {
    const mask = maskOf(site);
    if (!mask) return;
    const { length } = windowOf(sightOf(mask, 0));
    if (length < 3) return;
    const count = site.wrong && site.node.kind === 'SOFT_MAX' ? keysSeen(site, site.wrong) : undefined;
    if (count !== undefined) {
      if (count > 0 && count < length) yield windowed(count, length, mask, 'shorter window');
      return;
    }
    yield {
      label: 'shorter window',
      from: 1,
      to: length - 1,
      spacing: 'linear',
      likely: likelyWindows(length),
      at: (value) => windowed(Math.round(value), length, mask, 'shorter window'),
    };
  },
};

/** The most keys to which a row of the wrong probabilities gives any weight. */
function keysSeen({ node, mask }: Site, wrong: Float32Array): number {
  const [keys] = node.ne;
  let most = 0;
  for (let at = 0; at < wrong.length; at += keys) {
    let seen = 0;
    for (let k = 0; k < keys; k++) if (mask?.[at + k] !== 0 && wrong[at + k] !== 0) seen++;
    most = Math.max(most, seen);
  }
  return most;
}

function likelyWindows(length: number): readonly number[] {
  if (length <= 48) return Array.from({ length: length - 1 }, (_, i) => i + 1);
  return [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    .flatMap((n) => [n, n + 1, n - 1])
    .filter((n) => n < length);
}

function windowed(length: number, right: number, mask: Mask, label: string): Variant {
  return edited(label, { window: length, right }, mask, (row, r, { last }) => {
    row.fill(-Infinity, 0, Math.max(0, (last[r] as number) - length + 1));
  });
}

function edited(label: string, parameters: Variant['parameters'], mask: Mask, edit: EditRow): Variant {
  return { label, parameters, predict: (s) => withMask(s, editedMask(maskOf(s) ?? mask, edit)) };
}
