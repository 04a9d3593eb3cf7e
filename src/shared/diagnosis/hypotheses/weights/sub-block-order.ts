import type { Hypothesis } from '../../hypothesis';
import type { PartsChange } from './block-parts';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';

/** From which sub-block number `s` of `count` takes its scale. */
type Order = (s: number, count: number) => number;

const ORDERS: Readonly<Record<string, Order>> = {
  'neighbours swapped': (s) => s ^ 1,
  'halves swapped': (s, n) => s ^ (n / 2),
  reversed: (s, n) => n - 1 - s,
  'one later': (s, n) => (s + 1) % n,
  'one earlier': (s, n) => (s + n - 1) % n,
  'even ones for pairs': (s) => s & ~1,
  'every half as far': (s) => s >> 1,
  'twice as far': (s, n) => (2 * s) % n,
  'first for all': () => 0,
  'two interleaved halves': (s, n) => (s % 2) * (n / 2) + (s >> 1),
  'halves interleaved': (s, n) => 2 * (s % (n / 2)) + Math.floor(s / (n / 2)),
  'four by four': (s, n) => (s % 4) * (n / 4) + (s >> 2),
  'four by four in each half': (s) => (s & 8) | ((s & 1) << 2) | ((s >> 1) & 3),
  'in each half interleaved': (s) => (s & 8) | ((s & 3) << 1) | ((s >> 2) & 1),
};

function reordered(count: number, order: Order, of: 'scales' | 'mins' | 'both'): PartsChange {
  const from = Array.from({ length: count }, (_, s) => order(s, count));
  const held = new Float64Array(count);
  const move = (values: Float64Array): void => {
    for (let s = 0; s < count; s++) held[s] = values[from[s]!]!;
    values.set(held);
  };
  return ({ scales, mins }) => {
    if (of !== 'mins') move(scales);
    if (of !== 'scales') move(mins);
  };
}

function isOrderOf(order: Order, count: number): boolean {
  const from = Array.from({ length: count }, (_, s) => order(s, count));
  return from.every((s) => Number.isInteger(s) && s >= 0 && s < count) && from.some((s, at) => s !== at);
}

export const SUB_BLOCK_ORDER: Hypothesis = {
  id: 'sub-block-order',
  title: 'scales are applied to the wrong sub-blocks',
  explanation:
    'Each sub-block of 16 or 32 elements has a scale (and a min) of its own. In another order the codes are right and ' +
    'each sub-block is as large as another one should be.',
  whereToLook:
    'The index from element or lane to scale: Q2_K, Q3_K, Q6_K: one scale per 16 elements; 32 bytes of codes hold two ' +
    'halves of 16 for each of the four bit positions.',
  citations: ['paiml/aprender#1924'],
  catalogue: [3],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* (recipe): Generator<NamedMistake> {
      const count = recipe.elements / recipe.sub;
      if (count < 2 || count > 16) return;
      for (const [label, order] of Object.entries(ORDERS)) {
        if (!isOrderOf(order, count)) continue;
        if (!recipe.hasMins) {
          yield { label, change: reordered(count, order, 'scales') };
          continue;
        }
        yield { label, change: reordered(count, order, 'both') };
        yield { label: `${label}: scales`, change: reordered(count, order, 'scales') };
        yield { label: `${label}: mins`, change: reordered(count, order, 'mins') };
      }
    });
  },
};
