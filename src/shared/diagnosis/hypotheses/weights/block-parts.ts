/**
 * Blocks taken apart, so that a decoder can make exactly one mistake:
 *
 *     x[e] = d × scales[e / sub] × values[codes[e]] × signs[e] − dmin × mins[e / sub]
 *
 * The parts are those of the right decoders (quant/); only rounding may differ from them, in the last bit.
 */
import { F16_TO_F32 } from '../../../base/float-bits';
import type { DequantizeBlocks } from '../../../quant/format';
import type { GgmlTypeName } from '../../../quant/ggml-type';

/** One block's parts; arrays are as long as the largest format needs. */
export interface BlockParts {
  d: number;
  dmin: number;
  readonly scales: Float64Array;
  readonly mins: Float64Array;
  /** Raw codes, 0 … 255. */
  readonly codes: Uint8Array;
  /** ±1, in formats that store signs apart. */
  readonly signs: Int8Array;
}

/** How a format's blocks are taken apart. */
export interface BlockRecipe {
  readonly type: GgmlTypeName;
  /** Elements per block, and per scale. */
  readonly elements: number;
  readonly sub: number;
  readonly bytes: number;
  /** What each code stands for; 256 entries. */
  readonly values: Float32Array;
  readonly hasMins: boolean;
  readonly hasSigns: boolean;
  /** Fills `parts` from the block at `p`. */
  readonly take: (src: Uint8Array, p: number, parts: BlockParts) => void;
}

/** A change to the parts of block `index` of a row, at byte `p`. */
export type PartsChange = (parts: BlockParts, src: Uint8Array, p: number, index: number) => void;

export function newParts(): BlockParts {
  const parts = {
    d: 1,
    dmin: 0,
    scales: new Float64Array(32).fill(1),
    mins: new Float64Array(32),
    codes: new Uint8Array(256),
    signs: new Int8Array(256).fill(1),
  };
  return parts;
}

/** The decoder of a recipe with a mistake: other values for its codes, or changed parts. */
export function decoderOf(recipe: BlockRecipe, mistake: DecodingMistake): DequantizeBlocks {
  const { elements, bytes } = recipe;
  const values = mistake.values ?? recipe.values;
  const { change } = mistake;
  return (src, srcOffset, blocks, dst, dstOffset) => {
    const parts = newParts();
    for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += bytes, o += elements) {
      recipe.take(src, p, parts);
      change?.(parts, src, p, b);
      assemble(recipe, parts, values, dst, o);
    }
  };
}

export interface DecodingMistake {
  readonly values?: Float32Array;
  readonly change?: PartsChange;
}

function assemble(recipe: BlockRecipe, parts: BlockParts, values: Float32Array, dst: Float32Array, o: number): void {
  const { elements, sub, hasSigns } = recipe;
  const { d, dmin, scales, mins, codes, signs } = parts;
  for (let s = 0, e = 0; e < elements; s++) {
    const scale = d * scales[s]!;
    const min = dmin * mins[s]!;
    const end = e + sub;
    if (hasSigns) for (; e < end; e++) dst[o + e] = scale * values[codes[e]!]! * signs[e]! - min;
    else for (; e < end; e++) dst[o + e] = scale * values[codes[e]!]! - min;
  }
}

/** A table of 256 values by code. */
export function valuesBy(value: (code: number) => number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => value(code));
}

/** The code read as int8. */
export function asInt8(code: number): number {
  return (code << 24) >> 24;
}

/** The f16 at `p`. */
export function half(src: Uint8Array, p: number): number {
  return F16_TO_F32[src[p]! | (src[p + 1]! << 8)]!;
}
