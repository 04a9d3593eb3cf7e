import { QuarrelError } from '../../../base/errors';
import { bf16ToF32, F16_TO_F32 } from '../../../base/float-bits';
import { memoryOwner } from '../../../graph/graph';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { QUANT_FORMATS } from '../../../quant/registry';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { BlockRecipe, PartsChange } from './block-parts';
import { newParts } from './block-parts';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';
import { weightOf } from './weight-site';

/** Where d, and dmin or m, lie in a block: f16, low byte first. */
const HALVES: Partial<Record<GgmlTypeName, readonly number[]>> = {
  ...{ Q1_0: [0], Q2_0: [0], Q4_0: [0], Q5_0: [0], Q8_0: [0], Q4_1: [0, 2], Q5_1: [0, 2] },
  ...{ Q4_K: [0, 2], Q5_K: [0, 2], Q2_K: [80, 82], Q3_K: [108], Q6_K: [208] },
  ...{ IQ1_S: [0], IQ2_XXS: [0], IQ2_XS: [0], IQ2_S: [0], IQ3_XXS: [0], IQ3_S: [0], IQ4_NL: [0], IQ4_XS: [0] },
  ...{ TQ1_0: [52], TQ2_0: [64] },
};

const WINDOW_BLOCKS = 4096;

/** What an engine makes of the 16 bits of a scale. */
type ReadHalf = (bits: number) => number;

/** Reads d, dmin, or both in another way. IQ1's delta is scaled by d. */
function* readHalves(recipe: BlockRecipe, label: string, read: ReadHalf): Generator<NamedMistake> {
  const at = HALVES[recipe.type];
  if (!at) return;
  const [first, second] = at as [number, number?];
  const word = (src: Uint8Array, p: number): number => src[p]! | (src[p + 1]! << 8);
  const d: PartsChange = (parts, src, p) => {
    parts.d = read(word(src, p + first));
    if (recipe.type === 'IQ1_S') parts.dmin = parts.d;
  };
  if (second === undefined) {
    yield { label, change: d };
    return;
  }
  const min: PartsChange = (parts, src, p) => {
    parts.dmin = read(word(src, p + second));
  };
  const both: PartsChange = (parts, src, p, index) => {
    d(parts, src, p, index);
    min(parts, src, p, index);
  };
  yield { label, change: both };
  yield { label: `${label}: scale only`, change: d };
  yield { label: `${label}: min only`, change: min };
}

/**
 * Skips variants where no scale is subnormal: they would give the right result. The weight is looked through once, when
 * the first of them is tried.
 */
function* whereSubnormal(variants: Iterable<Variant>): Generator<Variant> {
  let some: boolean | undefined;
  for (const variant of variants) {
    yield {
      ...variant,
      predict: (site) => {
        some ??= hasSubnormalScale(site);
        if (!some) throw new QuarrelError('no scale of the weight is subnormal');
        return variant.predict(site);
      },
    };
  }
}

/** Whether any block of the weight has a scale or min that is subnormal, and not zero. */
function hasSubnormalScale(site: Site): boolean {
  const weight = weightOf(site);
  const data = weight && site.weights.tensor(memoryOwner(site.graph, weight).name);
  const at = weight && HALVES[weight.type];
  if (!data || !at) return true;
  const { blockBytes } = QUANT_FORMATS[data.type];
  const window = new Uint8Array(WINDOW_BLOCKS * blockBytes);
  for (let offset = 0; offset < data.byteLength; offset += window.length) {
    const length = Math.min(window.length, data.byteLength - offset);
    data.copyInto(offset, length, window, 0);
    for (let p = 0; p < length; p += blockBytes) {
      for (const o of at) {
        const bits = window[p + o]! | (window[p + o + 1]! << 8);
        if (isSubnormal(bits) && (bits & 0x3ff) !== 0) return true;
      }
    }
  }
  return false;
}

const isSubnormal = (bits: number): boolean => (bits & 0x7c00) === 0;
const value = (bits: number): number => F16_TO_F32[bits]!;

export const SUBNORMAL_SCALE_FLUSHED: Hypothesis = {
  id: 'subnormal-scale-flushed',
  title: 'f16 scales that are subnormal are flushed to zero',
  explanation:
    'Blocks of small weights have scales below 2⁻¹⁴, which f16 stores as subnormals. Hardware and WGSL may take them for ' +
    'zero: then whole blocks, or their mins, vanish while all others are exact.',
  whereToLook:
    'How the f16 scale is widened: unpack2x16float and native f16 may flush; widen with integer operations instead.',
  citations: ['kvark/meganeura#184'],
  catalogue: [8],
  generality: 1,
  *variants(site) {
    const mistakes = partsVariants(site, (recipe) =>
      readHalves(recipe, 'flushed', (bits) => (isSubnormal(bits) ? 0 : value(bits))),
    );
    yield* whereSubnormal(mistakes);
  },
};

/** Powers of two tried; 2⁴ and 2¹⁰ (a mantissa read as an integer) are the likely ones. */
const EXPONENTS = [4, 10, 1, 14, 24, 15, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 16, -1];

export const SUBNORMAL_SCALE_RESCALED: Hypothesis = {
  id: 'subnormal-scale-rescaled',
  title: 'f16 scales that are subnormal are widened with a wrong exponent',
  explanation:
    'A subnormal f16 has no hidden bit and the exponent of the smallest normal one. Code that moves exponent bits alone ' +
    'makes such scales larger by a power of two (or adds a hidden bit); blocks with normal scales stay exact.',
  whereToLook: 'The hand-written f16 → f32 conversion: the case exponent = 0, mantissa ≠ 0.',
  citations: ['kekzl/imp#808'],
  catalogue: [9],
  generality: 2,
  *variants(site) {
    const mistakes = partsVariants(site, function* (recipe) {
      const other = (f: (mantissa: number, sign: number) => number): ReadHalf => {
        return (bits) => (isSubnormal(bits) ? f(bits & 0x3ff, bits & 0x8000 ? -1 : 1) : value(bits));
      };
      yield* readHalves(
        recipe,
        'hidden bit added',
        other((m, sign) => sign * (1024 + m) * 2 ** -25),
      );
      for (const exponent of EXPONENTS) {
        for (const mistake of readHalves(
          recipe,
          `2^${exponent} too large`,
          other((m, s) => s * m * 2 ** (exponent - 24)),
        )) {
          yield { ...mistake, parameters: { factor: 2 ** exponent, right: 1 } };
        }
      }
    });
    yield* whereSubnormal(mistakes);
  },
};

export const SCALE_READ_AS_ANOTHER_FLOAT: Hypothesis = {
  id: 'scale-read-as-another-float',
  title: 'block scales are read in another float format',
  explanation:
    'Scales d (and dmin or m) are f16, low byte first; MXFP4 has a power of two in one byte, NVFP4 an unsigned E4M3. In ' +
    'another format, byte order or without sign all values of a block get another factor.',
  whereToLook:
    'The conversion of the scale: f16 and not bf16, low byte first, sign kept; E8M0 has bias 127, UE4M3 bias 7.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* (recipe) {
      yield* readHalves(recipe, 'bf16', bf16ToF32);
      yield* readHalves(recipe, 'high byte first', (bits) => value(((bits & 255) << 8) | (bits >> 8)));
      yield* readHalves(recipe, 'sign dropped', (bits) => value(bits & 0x7fff));
      yield* readHalves(recipe, 'constant 1', () => 1);
      if (recipe.type === 'MXFP4') yield* e8m0Mistakes();
      if (recipe.type === 'NVFP4') yield* ue4m3Mistakes();
    });
  },
};

function* e8m0Mistakes(): Generator<NamedMistake> {
  const factor = (label: string, by: number): NamedMistake => ({
    label,
    parameters: { factor: by, right: 1 },
    change: (parts) => {
      parts.d *= by;
    },
  });
  yield factor('twice as large', 2);
  yield factor('half as large', 0.5);
  yield {
    label: 'a plain integer',
    change: (parts, src, p) => {
      parts.d = src[p]!;
    },
  };
}

function* ue4m3Mistakes(): Generator<NamedMistake> {
  const read =
    (f: (byte: number) => number): PartsChange =>
    ({ scales }, src, p) => {
      for (let s = 0; s < 4; s++) scales[s] = f(src[p + s]!);
    };
  const float = (byte: number, mantissaBits: number, bias: number): number => {
    const exponent = (byte & 127) >> mantissaBits;
    const mantissa = (byte & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
    return exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias);
  };
  yield { label: 'twice as large', change: read((b) => float(b, 3, 7)) };
  yield { label: 'half as large', change: read((b) => float(b, 3, 7) / 4) };
  yield { label: 'E5M2', change: read((b) => float(b, 2, 15) / 2) };
  yield { label: 'E8M0', change: read((b) => 2 ** (b - 128)) };
  yield { label: 'subnormals flushed', change: read((b) => ((b & 0x78) === 0 ? 0 : float(b, 3, 7) / 2)) };
  yield { label: 'the first for all', change: ({ scales }) => scales.fill(scales[0]!) };
}

/** d and dmin of the block before, in the same row. */
const ofBlockBefore: () => PartsChange = () => {
  let [d, dmin] = [0, 0];
  return (parts, _src, _p, index) => {
    const own = [parts.d, parts.dmin] as const;
    if (index > 0) [parts.d, parts.dmin] = [d, dmin];
    [d, dmin] = own;
  };
};

const ofFirstBlock = (every: number): PartsChange => {
  let [d, dmin] = [0, 0];
  return (parts, _src, _p, index) => {
    if (index % every === 0) [d, dmin] = [parts.d, parts.dmin];
    else [parts.d, parts.dmin] = [d, dmin];
  };
};

const SCALE_FREE: ReadonlySet<string> = new Set(['NVFP4']);

export const SCALE_OF_ANOTHER_BLOCK: Hypothesis = {
  id: 'scale-of-another-block',
  title: 'blocks are scaled with the scale of another block',
  explanation:
    'Each block carries a scale of its own. When the index to it is off by one, shared by a group of blocks or constant ' +
    'over a row, codes are right and their size is that of another block.',
  whereToLook:
    'The index from element or lane to block where the scale is loaded; a scale loaded once outside the loop.',
  citations: ['paiml/aprender#1924'],
  catalogue: [3],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type, bytes, take }): Generator<NamedMistake> {
      if (SCALE_FREE.has(type)) return;
      yield { label: 'the block before', change: ofBlockBefore() };
      yield { label: 'the first of the row', change: ofFirstBlock(Infinity) };
      for (const every of [2, 4, 8]) yield { label: `the first of ${every}`, change: ofFirstBlock(every) };
      const next = newParts();
      yield {
        label: 'the block after',
        change: (parts, src, p) => {
          // the last block of what was read keeps its own
          if (p + 2 * bytes > src.length) return;
          take(src, p + bytes, next);
          [parts.d, parts.dmin] = [next.d, next.dmin];
        },
      };
    });
  },
};
