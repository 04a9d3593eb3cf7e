/** The recipes of legacy formats, K-quants, ternary and microscaling formats; I-quants are in grid-recipes.ts. */
import { f32FromBits } from '../../../base/float-bits';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { IQ4_VALUES } from '../../../quant/i-quants-tables';
import { FP4_DOUBLED } from '../../../quant/microscaling';
import { QUANT_FORMATS } from '../../../quant/registry';
import type { BlockParts, BlockRecipe } from './block-parts';
import { asInt8, half, valuesBy } from './block-parts';
import { gridRecipe } from './grid-recipes';

type Take = BlockRecipe['take'];

interface RecipeOptions {
  readonly sub?: number;
  readonly hasMins?: boolean;
}

function recipe(
  type: GgmlTypeName,
  value: (code: number) => number,
  take: Take,
  { sub, hasMins = false }: RecipeOptions = {},
): BlockRecipe {
  const { blockElements: elements, blockBytes: bytes } = QUANT_FORMATS[type];
  return { type, elements, sub: sub ?? elements, bytes, values: valuesBy(value), hasMins, hasSigns: false, take };
}

/** Codes of four bits: low nibbles of `group` / 2 bytes first, then their high nibbles. */
function nibbles(src: Uint8Array, p: number, elements: number, group: number, codes: Uint8Array): void {
  const bytes = group / 2;
  for (let g = 0, q = p; g < elements; g += group, q += bytes) {
    for (let j = 0; j < bytes; j++) {
      const byte = src[q + j]!;
      codes[g + j] = byte & 15;
      codes[g + bytes + j] = byte >> 4;
    }
  }
}

/** Codes of two bits: bits 1 0 of `group` / 4 bytes first, then bits 3 2, 5 4, 7 6. */
function pairs(src: Uint8Array, p: number, elements: number, group: number, codes: Uint8Array): void {
  const bytes = group / 4;
  for (let g = 0, q = p; g < elements; g += group, q += bytes) {
    for (let plane = 0, e = g; plane < 4; plane++) {
      for (let j = 0; j < bytes; j++, e++) codes[e] = (src[q + j]! >> (2 * plane)) & 3;
    }
  }
}

/** Bit e of 32, as bit 4 of the code. */
function highBits32(src: Uint8Array, p: number, codes: Uint8Array): void {
  for (let e = 0; e < 32; e++) codes[e]! |= ((src[p + (e >> 3)]! >> (e & 7)) & 1) << 4;
}

/** Bit e / 32 of byte e mod 32, as bit `at` of the code. */
function highBits256(src: Uint8Array, p: number, at: number, codes: Uint8Array): void {
  for (let g = 0, e = 0; g < 8; g++) for (let l = 0; l < 32; l++, e++) codes[e]! |= ((src[p + l]! >> g) & 1) << at;
}

/** A min that is added is one of −1 that is subtracted. */
function legacyMin(src: Uint8Array, p: number, parts: BlockParts): void {
  parts.dmin = half(src, p);
  parts.mins[0] = -1;
}

const legacy = (at: number, codes: (src: Uint8Array, p: number, parts: BlockParts) => void): Take => {
  return (src, p, parts) => {
    parts.d = half(src, p);
    if (at === 4) legacyMin(src, p + 2, parts);
    codes(src, p + at, parts);
  };
};

const nibbles32 = (src: Uint8Array, p: number, { codes }: BlockParts): void => nibbles(src, p, 32, 32, codes);
const fiveBits = (src: Uint8Array, p: number, { codes }: BlockParts): void => {
  nibbles(src, p + 4, 32, 32, codes);
  highBits32(src, p, codes);
};
const bytesOf =
  (count: number) =>
  (src: Uint8Array, p: number, { codes }: BlockParts): void => {
    for (let e = 0; e < count; e++) codes[e] = src[p + e]!;
  };

/** Scales and mins of Q4_K and Q5_K; the bits are drawn in quant/k-quants.ts. */
function scalesK4(src: Uint8Array, p: number, { scales, mins }: BlockParts): void {
  for (let j = 0; j < 4; j++) {
    const [s, m, low] = [src[p + j]!, src[p + 4 + j]!, src[p + 8 + j]!];
    scales[j] = s & 63;
    mins[j] = m & 63;
    scales[j + 4] = (low & 15) | ((s >> 6) << 4);
    mins[j + 4] = (low >> 4) | ((m >> 6) << 4);
  }
}

const takeQ4K: Take = (src, p, parts) => {
  parts.d = half(src, p);
  parts.dmin = half(src, p + 2);
  scalesK4(src, p + 4, parts);
  nibbles(src, p + 16, 256, 64, parts.codes);
};

const takeQ5K: Take = (src, p, parts) => {
  parts.d = half(src, p);
  parts.dmin = half(src, p + 2);
  scalesK4(src, p + 4, parts);
  nibbles(src, p + 48, 256, 64, parts.codes);
  highBits256(src, p + 16, 4, parts.codes);
};

const takeQ6K: Take = (src, p, parts) => {
  const { codes, scales } = parts;
  parts.d = half(src, p + 208);
  for (let s = 0; s < 16; s++) scales[s] = asInt8(src[p + 192 + s]!);
  nibbles(src, p, 256, 128, codes);
  for (let n = 0, e = 0; n < 2; n++) {
    for (let plane = 0; plane < 4; plane++) {
      for (let l = 0; l < 32; l++, e++) codes[e]! |= ((src[p + 128 + 32 * n + l]! >> (2 * plane)) & 3) << 4;
    }
  }
};

const takeQ2K: Take = (src, p, parts) => {
  parts.d = half(src, p + 80);
  parts.dmin = half(src, p + 82);
  for (let s = 0; s < 16; s++) {
    parts.scales[s] = src[p + s]! & 15;
    parts.mins[s] = src[p + s]! >> 4;
  }
  pairs(src, p + 16, 256, 128, parts.codes);
};

const takeQ3K: Take = (src, p, parts) => {
  parts.d = half(src, p + 108);
  for (let s = 0; s < 16; s++) {
    const low = (src[p + 96 + (s & 7)]! >> ((s & 8) >> 1)) & 15;
    const high = (src[p + 104 + (s & 3)]! >> ((s >> 2) << 1)) & 3;
    parts.scales[s] = (low | (high << 4)) - 32;
  }
  pairs(src, p + 32, 256, 128, parts.codes);
  highBits256(src, p, 2, parts.codes);
};

const takeIQ4XS: Take = (src, p, parts) => {
  parts.d = half(src, p);
  const high = src[p + 2]! | (src[p + 3]! << 8);
  for (let s = 0; s < 8; s++) {
    const low = (src[p + 4 + (s >> 1)]! >> (4 * (s & 1))) & 15;
    parts.scales[s] = (low | (((high >> (2 * s)) & 3) << 4)) - 32;
  }
  nibbles(src, p + 8, 256, 32, parts.codes);
};

const takeTQ1: Take = (src, p, parts) => {
  const { codes } = parts;
  parts.d = half(src, p + 52);
  trits(src, p, 32, 5, codes, 0);
  trits(src, p + 32, 16, 5, codes, 160);
  trits(src, p + 48, 4, 4, codes, 240);
};

function trits(src: Uint8Array, p: number, width: number, count: number, codes: Uint8Array, o: number): void {
  for (let n = 0, power = 1; n < count; n++, power *= 3) {
    for (let m = 0; m < width; m++) codes[o + n * width + m] = (((src[p + m]! * power) & 255) * 3) >> 8;
  }
}

/** 2^(e − 128), e the byte at `p`. */
export function e8m0Half(e: number): number {
  return f32FromBits(e < 2 ? 0x200000 << e : ((e - 1) << 23) >>> 0);
}

/** Half of UE4M3; 0x7f is 0, bit 7 is ignored. */
export function ue4m3Half(byte: number): number {
  if (byte === 0x7f) return 0;
  const exponent = (byte >> 3) & 15;
  return exponent === 0 ? (byte & 7) * 2 ** -10 : (8 + (byte & 7)) * 2 ** (exponent - 11);
}

const fp4 = (c: number): number => FP4_DOUBLED[c & 15]!;
const iq4 = (c: number): number => IQ4_VALUES[c & 15]!;
const plain = (c: number): number => c;
const less = (excess: number) => (c: number) => c - excess;

const RECIPES: Partial<Record<GgmlTypeName, BlockRecipe>> = {
  Q1_0: recipe(
    'Q1_0',
    (c) => 2 * c - 1,
    legacy(2, (src, p, { codes }) => {
      for (let e = 0; e < 128; e++) codes[e] = (src[p + (e >> 3)]! >> (e & 7)) & 1;
    }),
  ),
  Q2_0: recipe(
    'Q2_0',
    less(1),
    legacy(2, (src, p, { codes }) => pairs(src, p, 64, 4, codes)),
  ),
  Q4_0: recipe('Q4_0', less(8), legacy(2, nibbles32)),
  Q4_1: recipe('Q4_1', plain, legacy(4, nibbles32), { hasMins: true }),
  Q5_0: recipe('Q5_0', less(16), legacy(2, fiveBits)),
  Q5_1: recipe('Q5_1', plain, legacy(4, fiveBits), { hasMins: true }),
  Q8_0: recipe('Q8_0', asInt8, legacy(2, bytesOf(32))),
  Q2_K: recipe('Q2_K', plain, takeQ2K, { sub: 16, hasMins: true }),
  Q3_K: recipe('Q3_K', less(4), takeQ3K, { sub: 16 }),
  Q4_K: recipe('Q4_K', plain, takeQ4K, { sub: 32, hasMins: true }),
  Q5_K: recipe('Q5_K', plain, takeQ5K, { sub: 32, hasMins: true }),
  Q6_K: recipe('Q6_K', less(32), takeQ6K, { sub: 16 }),
  IQ4_NL: recipe('IQ4_NL', iq4, legacy(2, nibbles32)),
  IQ4_XS: recipe('IQ4_XS', iq4, takeIQ4XS, { sub: 32 }),
  TQ1_0: recipe('TQ1_0', less(1), takeTQ1),
  TQ2_0: recipe('TQ2_0', less(1), (src, p, parts) => {
    parts.d = half(src, p + 64);
    pairs(src, p, 256, 128, parts.codes);
  }),
  MXFP4: recipe('MXFP4', fp4, (src, p, parts) => {
    parts.d = e8m0Half(src[p]!);
    nibbles(src, p + 1, 32, 32, parts.codes);
  }),
  NVFP4: recipe(
    'NVFP4',
    fp4,
    (src, p, parts) => {
      for (let s = 0; s < 4; s++) parts.scales[s] = ue4m3Half(src[p + s]!);
      nibbles(src, p + 4, 64, 16, parts.codes);
    },
    { sub: 16 },
  ),
};

/** How blocks of a type are taken apart; undefined for floats and integers. */
export function recipeOf(type: GgmlTypeName): BlockRecipe | undefined {
  return RECIPES[type] ?? gridRecipe(type);
}
