/**
 * What the codes of the I-quants stand for: unpacked codebooks, signs and the values of the non-linear formats. Source:
 * ggml-common.h of llama.cpp v0.4.0.
 */
import { assert } from '../base/assert';
import { IQ1S_GRID, IQ2S_GRID, IQ2XS_GRID, IQ2XXS_GRID, IQ3S_GRID, IQ3XXS_GRID } from './i-quants-grids';
import type { PackedGrid } from './i-quants-grids';

/** Value j of entry i at index i × values + j. */
function unpack({ entries, values, bits, levels, hex }: PackedGrid): Int8Array<ArrayBuffer> {
  const digits = (values * bits) / 4;
  assert(hex.length === entries * digits, `a codebook of ${entries} entries has ${hex.length} digits`);
  const mask = (1 << bits) - 1;
  return Int8Array.from({ length: entries * values }, (_, at) => {
    const entry = Math.floor(at / values);
    const packed = Number.parseInt(hex.slice(entry * digits, (entry + 1) * digits), 16);
    const level = levels[(packed >> (bits * (at % values))) & mask];
    assert(level !== undefined, `value ${at} of a codebook has no level`);
    return level;
  });
}

/** 2048 × 8 values −1, 0, 1. */
export const IQ1S = unpack(IQ1S_GRID);
/** 256 × 8 values 8, 25, 43. */
export const IQ2XXS = unpack(IQ2XXS_GRID);
/** 512 × 8 values 8, 25, 43. */
export const IQ2XS = unpack(IQ2XS_GRID);
/** 1024 × 8 values 8, 25, 43. */
export const IQ2S = unpack(IQ2S_GRID);
/** 256 × 4 values 4, 12, 20, 28, 36, 44, 52, 62. */
export const IQ3XXS = unpack(IQ3XXS_GRID);
/** 512 × 4 values 1, 3 … 15. */
export const IQ3S = unpack(IQ3S_GRID);

/** The signs ±1 of eight elements, by a byte whose bit j set makes element j negative: at index byte × 8 + j. */
export const SIGNS: Int8Array<ArrayBuffer> = Int8Array.from({ length: 256 * 8 }, (_, i) =>
  ((i >> 3) >> (i & 7)) & 1 ? -1 : 1,
);

/** Seven stored signs become eight: the eighth makes their number even (`ksigns_iq2xs`). Sign byte by stored bits. */
export const EVEN_SIGNS: Uint8Array<ArrayBuffer> = Uint8Array.from({ length: 128 }, (_, bits) => {
  let parity = bits ^ (bits >> 4);
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return bits | ((parity & 1) << 7);
});

/** What the 16 codes of IQ4_NL and IQ4_XS stand for (`kvalues_iq4nl`). */
export const IQ4_VALUES: Int8Array<ArrayBuffer> = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
);
