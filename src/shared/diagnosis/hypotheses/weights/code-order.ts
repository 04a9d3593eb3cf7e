import type { Hypothesis } from '../../hypothesis';
import type { PartsChange } from './block-parts';
import type { CodeBits } from './code-layout';
import { layoutOfCodes, misreadOrder, otherLayouts } from './code-layout';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';

/** Moves the bits of `mask`, the others stay with their elements. */
function moved(order: Uint8Array, mask: number): PartsChange {
  const held = new Uint8Array(order.length);
  const keep = 255 & ~mask;
  return ({ codes }) => {
    held.set(codes.subarray(0, order.length));
    for (let e = 0; e < order.length; e++) codes[e] = (held[order[e]!]! & mask) | (held[e]! & keep);
  };
}

const maskOf = ({ bits, at }: CodeBits): number => ((1 << bits) - 1) << at;

export const CODE_ORDER: Hypothesis = {
  id: 'code-order',
  title: 'packed codes are taken in the wrong order',
  explanation:
    'ggml splits a byte’s two nibbles (or four bit pairs) over two (or four) runs of elements; other formats keep ' +
    'neighbours in one byte, and some put the high nibble first. Read so, a block has the right values at wrong places.',
  whereToLook:
    'The unpacking loop: in Q4_0 … Q5_1 low nibbles are elements 0–15 and high nibbles 16–31; in Q4_K and Q5_K by 32 ' +
    'bytes: low 32, then high 32; in Q6_K by 64 bytes.',
  citations: ['kekzl/imp#567', 'kekzl/imp#722', 'paiml/aprender#2069', 'paiml/aprender#2127'],
  catalogue: [4],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type, elements }): Generator<NamedMistake> {
      const layout = layoutOfCodes(type);
      if (!layout) return;
      const { low, high } = layout;
      for (const other of otherLayouts(low, elements)) {
        const order = misreadOrder(low, other, elements);
        yield { label: other.label, change: moved(order, high ? maskOf(low) : 255) };
        if (high) yield { label: `${other.label}, high bits too`, change: moved(order, 255) };
      }
    });
  },
};

const setBits =
  (mask: number, bits: number): PartsChange =>
  ({ codes }) => {
    for (let e = 0; e < codes.length; e++) codes[e] = (codes[e]! & ~mask) | bits;
  };

/** From which element each takes its high bits. */
const HIGH_ORDERS: Readonly<Record<string, (e: number, n: number) => number>> = {
  'halves interleaved': (e, n) => (e < n / 2 ? 2 * e : 2 * e - n + 1),
  'of the other half': (e, n) => e ^ (n / 2),
  'of the neighbour': (e) => e ^ 1,
  reversed: (e, n) => n - 1 - e,
  'bytes reversed': (e, n) => (n - 8 - (e & ~7)) | (e & 7),
};

/** The bits of `mask` put `by` places higher than they belong, where they may meet other ones. */
function shiftedBits(mask: number, by: number): PartsChange {
  return ({ codes }) => {
    for (let e = 0; e < codes.length; e++) {
      const bits = codes[e]! & mask;
      codes[e] = (codes[e]! & ~mask) | (by > 0 ? bits << by : bits >> -by);
    }
  };
}

export const CODE_HIGH_BITS: Hypothesis = {
  id: 'code-high-bits',
  title: 'the high bits of codes are left out or taken from other elements',
  explanation:
    'Q5_0, Q5_1, Q5_K, Q6_K and Q3_K store the upper bits of their codes apart. Left out, large codes wrap to small ones; ' +
    'taken in another order, codes are off by 16 (Q3_K: 4) at some elements.',
  whereToLook:
    'qh, hmask: Q5_0 and Q5_1: bit e of 32 belongs to element e; Q5_K: bit s of byte l to element 32s + l; Q6_K: two bits ' +
    'of byte 32n + l; Q3_K: hmask bit g of byte l, and 4 is subtracted where it is not set.',
  citations: [],
  catalogue: [4],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type, elements }): Generator<NamedMistake> {
      const high = layoutOfCodes(type)?.high;
      if (!high) return;
      const mask = maskOf(high);
      yield { label: 'left out', change: setBits(mask, 0) };
      yield { label: 'always set', change: setBits(mask, mask) };
      yield {
        label: 'inverted',
        change: ({ codes }) => {
          for (let e = 0; e < codes.length; e++) codes[e]! ^= mask;
        },
      };
      for (const by of [1, -1]) {
        yield { label: `one place too ${by > 0 ? 'high' : 'low'}`, change: shiftedBits(mask, by) };
      }
      for (const other of otherLayouts(high, elements)) {
        yield { label: other.label, change: moved(misreadOrder(high, other, elements), mask) };
      }
      for (const [label, from] of Object.entries(HIGH_ORDERS)) {
        const order = Uint8Array.from({ length: elements }, (_, e) => from(e, elements));
        yield { label, change: moved(order, mask) };
      }
    });
  },
};
