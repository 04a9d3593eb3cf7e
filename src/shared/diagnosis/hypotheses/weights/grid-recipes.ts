/** The recipes of I-quants whose codes are entries of a codebook; codes here are the codebook's values, as int8. */
import { F16_TO_F32 } from '../../../base/float-bits';
import { word16, word32 } from '../../../quant/block-fields';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { EVEN_SIGNS, IQ1S, IQ2S, IQ2XS, IQ2XXS, IQ3S, IQ3XXS, SIGNS } from '../../../quant/i-quants-tables';
import { QUANT_FORMATS } from '../../../quant/registry';
import type { BlockParts, BlockRecipe } from './block-parts';
import { asInt8, half, valuesBy } from './block-parts';

export interface GridOptions {
  /** Another codebook of as many values per entry. */
  readonly grid?: Int8Array;
  /** Bits of an entry's number that are read; all where absent. */
  readonly entryMask?: number;
}

interface GridFormat {
  readonly grid: Int8Array;
  /** Values per entry. */
  readonly width: 4 | 8;
  readonly sub: number;
  readonly signs: 'none' | 'seven' | 'eight';
  /** Scales (mins for IQ1's delta), and by groups of eight elements the sign bytes. */
  readonly frame: (src: Uint8Array, p: number, parts: BlockParts, signs: Uint8Array) => void;
  /** Number of entry `i` of the block. */
  readonly entry: (src: Uint8Array, p: number, i: number) => number;
}

const DELTA = 0.125;

/** Sixteen scales of four bits, (scale + ½) × ¼. */
function scalesIQ2(src: Uint8Array, p: number, scales: Float64Array): void {
  for (let s = 0; s < 16; s++) scales[s] = (0.5 + ((src[p + (s >> 1)]! >> (4 * (s & 1))) & 15)) * 0.25;
}

const FORMATS: Partial<Record<GgmlTypeName, GridFormat>> = {
  IQ2_XXS: {
    ...{ grid: IQ2XXS, width: 8, sub: 32, signs: 'seven' },
    frame: (src, p, parts, signs) => {
      parts.d = half(src, p);
      for (let s = 0; s < 8; s++) {
        const word = word32(src, p + 6 + 8 * s);
        parts.scales[s] = (0.5 + (word >>> 28)) * 0.25;
        for (let l = 0; l < 4; l++) signs[4 * s + l] = EVEN_SIGNS[(word >>> (7 * l)) & 127]!;
      }
    },
    entry: (src, p, i) => src[p + 2 + 8 * (i >> 2) + (i & 3)]!,
  },
  IQ2_XS: {
    ...{ grid: IQ2XS, width: 8, sub: 16, signs: 'seven' },
    frame: (src, p, parts, signs) => {
      parts.d = half(src, p);
      scalesIQ2(src, p + 66, parts.scales);
      for (let g = 0; g < 32; g++) signs[g] = EVEN_SIGNS[word16(src, p + 2 + 2 * g) >> 9]!;
    },
    entry: (src, p, i) => word16(src, p + 2 + 2 * i) & 511,
  },
  IQ2_S: {
    ...{ grid: IQ2S, width: 8, sub: 16, signs: 'eight' },
    frame: (src, p, parts, signs) => {
      parts.d = half(src, p);
      scalesIQ2(src, p + 74, parts.scales);
      for (let g = 0; g < 32; g++) signs[g] = src[p + 34 + g]!;
    },
    entry: (src, p, i) => src[p + 2 + i]! | (((src[p + 66 + (i >> 2)]! >> (2 * (i & 3))) & 3) << 8),
  },
  IQ3_XXS: {
    ...{ grid: IQ3XXS, width: 4, sub: 32, signs: 'seven' },
    frame: (src, p, parts, signs) => {
      parts.d = half(src, p);
      for (let s = 0; s < 8; s++) {
        const word = word32(src, p + 66 + 4 * s);
        parts.scales[s] = (0.5 + (word >>> 28)) * 0.5;
        for (let l = 0; l < 4; l++) signs[4 * s + l] = EVEN_SIGNS[(word >>> (7 * l)) & 127]!;
      }
    },
    entry: (src, p, i) => src[p + 2 + i]!,
  },
  IQ3_S: {
    ...{ grid: IQ3S, width: 4, sub: 32, signs: 'eight' },
    frame: (src, p, parts, signs) => {
      parts.d = half(src, p);
      for (let s = 0; s < 8; s++) parts.scales[s] = 1 + 2 * ((src[p + 106 + (s >> 1)]! >> (4 * (s & 1))) & 15);
      for (let g = 0; g < 32; g++) signs[g] = src[p + 74 + g]!;
    },
    entry: (src, p, i) => src[p + 2 + i]! | (((src[p + 66 + (i >> 3)]! >> (i & 7)) & 1) << 8),
  },
  IQ1_S: {
    ...{ grid: IQ1S, width: 8, sub: 32, signs: 'none' },
    frame: (src, p, parts) => {
      parts.d = half(src, p);
      parts.dmin = parts.d;
      for (let s = 0; s < 8; s++) {
        const word = word16(src, p + 34 + 2 * s);
        const scale = 2 * ((word >> 12) & 7) + 1;
        parts.scales[s] = scale;
        parts.mins[s] = scale * (word & 0x8000 ? DELTA : -DELTA);
      }
    },
    entry: (src, p, i) => src[p + 2 + i]! | (((word16(src, p + 34 + 2 * (i >> 2)) >> (3 * (i & 3))) & 7) << 8),
  },
  IQ1_M: {
    ...{ grid: IQ1S, width: 8, sub: 8, signs: 'none' },
    frame: (src, p, parts) => {
      const q = p + 48;
      const bits =
        (src[q + 1]! >> 4) | (src[q + 3]! & 0xf0) | ((src[q + 5]! & 0xf0) << 4) | ((src[q + 7]! & 0xf0) << 8);
      parts.d = F16_TO_F32[bits]!;
      parts.dmin = parts.d;
      for (let g = 0; g < 32; g++) {
        const scale = 2 * ((word16(src, q + 2 * (g >> 3)) >> (3 * ((g >> 1) & 3))) & 7) + 1;
        const negative = (src[p + 32 + (g >> 1)]! >> (4 * (g & 1))) & 8;
        parts.scales[g] = scale;
        parts.mins[g] = scale * (negative ? DELTA : -DELTA);
      }
    },
    entry: (src, p, i) => src[p + i]! | (((src[p + 32 + (i >> 1)]! >> (4 * (i & 1))) & 7) << 8),
  },
};

/** The recipe of an I-quant with a codebook, perhaps another one. */
export function gridRecipe(type: GgmlTypeName, options: GridOptions = {}): BlockRecipe | undefined {
  const format = FORMATS[type];
  if (!format) return undefined;
  const { width, sub, frame, entry } = format;
  const grid = options.grid ?? format.grid;
  const mask = options.entryMask ?? 0xffff;
  const hasSigns = format.signs !== 'none';
  const groupSigns = new Uint8Array(32);
  const { blockElements: elements, blockBytes: bytes } = QUANT_FORMATS[type];
  return {
    ...{ type, elements, sub, bytes, values: valuesBy(asInt8), hasMins: !hasSigns, hasSigns },
    take: (src, p, parts) => {
      frame(src, p, parts, groupSigns);
      const { codes, signs } = parts;
      for (let i = 0, e = 0; e < elements; i++) {
        const at = (entry(src, p, i) & mask) * width;
        for (let j = 0; j < width; j++, e++) codes[e] = grid[at + j]!;
      }
      if (!hasSigns) return;
      for (let g = 0; g < 32; g++) for (let j = 0; j < 8; j++) signs[8 * g + j] = SIGNS[groupSigns[g]! * 8 + j]!;
    },
  };
}

/** The codebook of a type, and how many values its entries have. */
export function gridOf(type: GgmlTypeName): Pick<GridFormat, 'grid' | 'width' | 'signs' | 'entry'> | undefined {
  return FORMATS[type];
}
