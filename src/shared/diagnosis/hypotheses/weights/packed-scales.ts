import type { Hypothesis } from '../../hypothesis';
import type { PartsChange } from './block-parts';
import { asInt8 } from './block-parts';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';

const isK4 = (type: string): boolean => type === 'Q4_K' || type === 'Q5_K';

/** Scales and mins of Q4_K and Q5_K are at bytes 4 … 15; the bits are drawn in quant/k-quants.ts. */
const highBits =
  (change: (value: number, bytes: HighBytes) => number, of: 'scales' | 'mins'): PartsChange =>
  (parts, src, p) => {
    const values = parts[of];
    for (let j = 4; j < 8; j++) {
      const [s, m] = [src[p + j]!, src[p + 4 + j]!];
      const own = of === 'scales' ? s : m;
      values[j] = change(values[j]! & 15, { own, other: of === 'scales' ? m : s });
    }
  };

interface HighBytes {
  /** The byte whose two upper bits belong to the value, and that of its partner. */
  readonly own: number;
  readonly other: number;
}

const both =
  (a: PartsChange, b: PartsChange): PartsChange =>
  (parts, src, p, index) => {
    a(parts, src, p, index);
    b(parts, src, p, index);
  };

function* inEach(label: string, change: (value: number, bytes: HighBytes) => number): Generator<NamedMistake> {
  const [scales, mins] = [highBits(change, 'scales'), highBits(change, 'mins')];
  yield { label: `${label}: scales and mins`, change: both(scales, mins) };
  yield { label: `${label}: scales`, change: scales };
  yield { label: `${label}: mins`, change: mins };
}

/** Q4_K and Q5_K. */
export const SCALE_HIGH_BITS: Hypothesis = {
  id: 'k-scale-high-bits',
  title: '6-bit scales of sub-blocks 4–7 are unpacked without their high bits',
  explanation:
    'A super-block of Q4_K or Q5_K packs eight 6-bit scales and mins into 12 bytes; the upper two bits of the last four ' +
    'lie in the top bits of other bytes. Without them (or with other bits in their place) elements 128–255 of every ' +
    'super-block are scaled wrongly; the first half stays right.',
  whereToLook:
    'get_scale_min_k4 for j ≥ 4: scale = (q[j+4] & 0xF) | ((q[j−4] >> 6) << 4), min = (q[j+4] >> 4) | ((q[j] >> 6) << 4).',
  citations: ['paiml/trueno#182', 'paiml/aprender#2141'],
  catalogue: [1],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }) {
      if (!isK4(type)) return;
      yield* inEach('missing', (low) => low);
      yield* inEach('shifted by 2 for 4', (low, { own }) => low | ((own >> 6) << 2));
      yield* inEach('not shifted down', (low, { own }) => low | (own & 0xc0));
      yield* inEach('shifted down by 4', (low, { own }) => low | (((own >> 4) << 4) & 0x3f));
      yield* inEach('of the partner', (low, { other }) => low | ((other >> 6) << 4));
      yield* inEach('the two lowest bits', (low, { own }) => low | ((own & 3) << 4));
    });
  },
};

/** The naive reading: scale j in byte j, min j in byte j + 4, for all eight. */
const bytesInTurn: PartsChange = ({ scales, mins }, src, p) => {
  for (let j = 4; j < 8; j++) {
    scales[j] = src[p + 4 + j]! & 63;
    mins[j] = src[p + 8 + j]! & 63;
  }
};

const swapped =
  (from: number): PartsChange =>
  ({ scales, mins }) => {
    for (let j = from; j < 16; j++) [scales[j], mins[j]] = [mins[j]!, scales[j]!];
  };

/** Q2_K, Q4_K, Q5_K. */
export const SCALES_AS_MINS: Hypothesis = {
  id: 'k-scales-as-mins',
  title: 'sub-block scales and mins are taken for each other',
  explanation:
    'Scale and min of a sub-block lie next to each other: two nibbles in Q2_K, 6 bits in a shared packing in Q4_K and ' +
    'Q5_K. Swapped, each sub-block gets a wrong slope and a wrong offset.',
  whereToLook:
    'The unpacking of scales: which nibble or byte holds the scale, which the min (Q2_K: scale in bits 3…0; Q4_K, Q5_K: ' +
    'scales in bytes 0…3, mins in bytes 4…7, bytes 8…11 hold low bits of both).',
  citations: ['paiml/aprender#1924', 'paiml/aprender#2141'],
  catalogue: [1, 3],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }) {
      if (!isK4(type) && type !== 'Q2_K') return;
      yield { label: 'all', change: swapped(0) };
      if (type === 'Q2_K') {
        yield { label: 'scale nibble for both', change: ({ scales, mins }) => mins.set(scales) };
        yield { label: 'min nibble for both', change: ({ scales, mins }) => scales.set(mins) };
        return;
      }
      yield { label: 'sub-blocks 4–7', change: swapped(4) };
      yield { label: 'as bytes in turn', change: bytesInTurn };
    });
  },
};

const lowNibbleQ3 = (src: Uint8Array, p: number, s: number): number => (src[p + 96 + (s & 7)]! >> ((s & 8) >> 1)) & 15;
const lowNibbleXS = (src: Uint8Array, p: number, s: number): number => (src[p + 4 + (s >> 1)]! >> (4 * (s & 1))) & 15;

const scalesBy =
  (count: number, value: (src: Uint8Array, p: number, s: number) => number): PartsChange =>
  ({ scales }, src, p) => {
    for (let s = 0; s < count; s++) scales[s] = value(src, p, s);
  };

function* q3kMistakes(): Generator<NamedMistake> {
  const at = (value: (src: Uint8Array, p: number, s: number) => number): PartsChange => scalesBy(16, value);
  yield { label: '4 bits, no offset', change: at(lowNibbleQ3) };
  yield { label: '4 bits, minus 8', change: at((src, p, s) => lowNibbleQ3(src, p, s) - 8) };
  yield { label: '4 bits, minus 32', change: at((src, p, s) => lowNibbleQ3(src, p, s) - 32) };
  yield {
    label: 'high bits in another order',
    change: at((src, p, s) => (lowNibbleQ3(src, p, s) | (((src[p + 104 + (s >> 2)]! >> (2 * (s & 3))) & 3) << 4)) - 32),
  };
  yield {
    label: 'low nibbles in another order',
    change: ({ scales }, src, p) => {
      for (let s = 0; s < 16; s++) {
        const low = (src[p + 96 + (s >> 1)]! >> (4 * (s & 1))) & 15;
        scales[s] = (low | ((scales[s]! + 32) & 0x30)) - 32;
      }
    },
  };
}

/** Q3_K, IQ4_XS: 6 bits and an offset of 32; Q6_K: int8. */
export const SUB_BLOCK_SCALE_BITS: Hypothesis = {
  id: 'sub-block-scale-bits',
  title: 'sub-block scales are read with the wrong bits or without their offset',
  explanation:
    'Q3_K and IQ4_XS store 6-bit scales in two places, less 32; Q6_K stores int8. Scales read as 4 bits, without the ' +
    'offset, or unsigned change size and sign of whole sub-blocks.',
  whereToLook:
    'The unpacking of scales: low nibbles, then two high bits from another field, then − 32 (Q3_K, IQ4_XS); signed bytes (Q6_K).',
  citations: ['paiml/aprender#2115'],
  catalogue: [2, 6],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }) {
      const scaled =
        (f: (x: number) => number): PartsChange =>
        ({ scales }) => {
          for (let s = 0; s < 16; s++) scales[s] = f(scales[s]!);
        };
      if (type === 'Q3_K') yield* q3kMistakes();
      if (type === 'IQ4_XS') {
        yield { label: '4 bits, no offset', change: scalesBy(8, lowNibbleXS) };
        yield { label: '4 bits, minus 8', change: scalesBy(8, (src, p, s) => lowNibbleXS(src, p, s) - 8) };
        yield { label: '4 bits, minus 32', change: scalesBy(8, (src, p, s) => lowNibbleXS(src, p, s) - 32) };
      }
      if (type === 'Q3_K' || type === 'IQ4_XS') {
        yield { label: 'offset forgotten', change: scaled((x) => x + 32) };
        yield { label: 'two’s complement', change: scaled((x) => (x + 32 < 32 ? x + 32 : x - 32)) };
        yield { label: 'offset 31', change: scaled((x) => x + 1) };
      }
      if (type === 'Q6_K') {
        yield { label: 'unsigned', change: scaled((x) => x & 255) };
        yield { label: 'offset 128', change: scaled((x) => asInt8((x & 255) ^ 128)) };
        yield { label: 'sign dropped', change: scaled(Math.abs) };
      }
    });
  },
};

/** I-quants: ½ added to the scale, or 2 × scale + 1. */
export const I_QUANT_SCALE_STEP: Hypothesis = {
  id: 'i-quant-scale-step',
  title: 'the half step in I-quant scales is left out',
  explanation:
    'Scales of IQ1, IQ2 and IQ3 stand for scale + ½ (or 2 × scale + 1) times a constant. Without the half step small ' +
    'scales lose most of their size; with another constant all values are off by the same factor.',
  whereToLook: 'db = d * (0.5f + (aux32 >> 28)) * 0.25f, dl = d * (2*scale + 1): the half, the 1, the constant.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type }) {
      const unit = { IQ2_XXS: 0.125, IQ2_XS: 0.125, IQ2_S: 0.125, IQ3_XXS: 0.25, IQ3_S: 1, IQ1_S: 1, IQ1_M: 1 }[
        type as string
      ];
      if (unit === undefined) return;
      const each =
        (f: (x: number) => number): PartsChange =>
        ({ scales, mins }) => {
          for (let s = 0; s < 32; s++) {
            const changed = f(scales[s]!);
            if (scales[s] !== 0) mins[s] = (mins[s]! * changed) / scales[s]!;
            scales[s] = changed;
          }
        };
      yield { label: 'left out', change: each((x) => x - unit) };
      yield { label: 'without the constant', change: each((x) => x / (2 * unit)) };
    });
  },
};
