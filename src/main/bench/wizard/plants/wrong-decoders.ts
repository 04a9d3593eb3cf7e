/**
 * Decoders as wrong as real ones were, written from ggml's block layouts (ggml-common.h, ggml-quants.c) for planting
 * only: nothing else may use them.
 */
import { f16ToF32, f32ToF16 } from '../../../../shared/base/float-bits';
import { defined } from '../../../../shared/base/assert';
import { referenceDecoder } from '../../../../shared/ops/operand';
import type { GgmlTypeName } from '../../../../shared/quant/ggml-type';

/** Decodes the block at byte `at` into `out` from `to` on. */
export type DecodeBlock = (b: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** How a decoder of one format can be wrong. */
export interface Slips {
  /** Neighbours share a byte, where ggml splits the halves of a group. */
  readonly interleaved?: boolean;
  /** The high nibble comes first. */
  readonly nibblesSwapped?: boolean;
  /** Bytes of the header that are taken for codes. */
  readonly shortHeader?: number;
  /** Codes are read as two's complement where they are in excess. */
  readonly twosComplement?: boolean;
  /** Applied to the block's scale. */
  readonly scale?: (half: number) => number;
  /** The fifth bit, or the upper bits of six, are left out. */
  readonly noHighBits?: boolean;
  /** The min is left out, or added where it is subtracted. */
  readonly min?: 'ignored' | 'negated';
  /** Scales 4 to 7 (and mins) without their upper two bits. */
  readonly noScaleHighBits?: 'scales' | 'both';
  /** Scale of a sub-block: another sub-block's. */
  readonly subBlock?: (index: number) => number;
  /** Codes that form a NaN where two bytes are carried as an f16 come out as the one NaN that hardware makes. */
  readonly carriedAsF16?: boolean;
}

const half = (b: Uint8Array, at: number): number => (b[at] as number) | ((b[at + 1] as number) << 8);
const byte = (b: Uint8Array, at: number): number => b[at] as number;

function scaleOf(b: Uint8Array, at: number, { scale = f16ToF32 }: Slips): number {
  return scale(half(b, at));
}

/** Bytes of codes as they come out of f16 registers. */
function carried(b: Uint8Array, at: number, slips: Slips): number {
  if (!slips.carriedAsF16) return byte(b, at);
  const word = half(b, at & ~1);
  const isNan = (word & 0x7c00) === 0x7c00 && (word & 0x3ff) !== 0;
  const canonical = isNan ? 0x7e00 : word;
  return at % 2 === 0 ? canonical & 255 : canonical >> 8;
}

/** Where element i of a group of `span` finds its nibble: its byte, and whether it is the upper one. */
function nibbleAt(i: number, span: number, { interleaved, nibblesSwapped }: Slips): { byte: number; upper: boolean } {
  const at = interleaved ? i >> 1 : i % (span / 2);
  const upper = interleaved ? i % 2 === 1 : i >= span / 2;
  return { byte: at, upper: upper !== (nibblesSwapped === true) };
}

interface Legacy {
  readonly hasMin: boolean;
  readonly bits: 4 | 5;
  /** Taken off a code. */
  readonly excess: number;
}

const LEGACY: Partial<Record<GgmlTypeName, Legacy>> = {
  Q4_0: { hasMin: false, bits: 4, excess: 8 },
  Q4_1: { hasMin: true, bits: 4, excess: 0 },
  Q5_0: { hasMin: false, bits: 5, excess: 16 },
  Q5_1: { hasMin: true, bits: 5, excess: 0 },
};

function legacy(layout: Legacy, slips: Slips): DecodeBlock {
  const { hasMin, bits, excess } = layout;
  const header = 2 + (hasMin ? 2 : 0) + (bits === 5 ? 4 : 0) - (slips.shortHeader ?? 0);
  const size = 1 << bits;
  return (b, at, out, to) => {
    const d = scaleOf(b, at, slips);
    const m = !hasMin || slips.min === 'ignored' ? 0 : f16ToF32(half(b, at + 2)) * (slips.min === 'negated' ? -1 : 1);
    const fifth = at + 2 + (hasMin ? 2 : 0);
    for (let i = 0; i < 32; i++) {
      const where = nibbleAt(i, 32, slips);
      let code = (carried(b, at + header + where.byte, slips) >> (where.upper ? 4 : 0)) & 15;
      if (bits === 5 && !slips.noHighBits) code |= ((byte(b, fifth + (i >> 3)) >> (i & 7)) & 1) << 4;
      const value = slips.twosComplement ? (code >= size / 2 ? code - size : code) : code - excess;
      out[to + i] = value * d + m;
    }
  };
}

const q8_0 =
  (slips: Slips): DecodeBlock =>
  (b, at, out, to) => {
    const d = scaleOf(b, at, slips);
    for (let i = 0; i < 32; i++) {
      const code = byte(b, at + 2 + i);
      out[to + i] = d * (slips.twosComplement ? code - 128 : (code << 24) >> 24);
    }
  };

/** Scale and min of sub-block j of Q4_K and Q5_K (get_scale_min_k4). */
function scaleMin(b: Uint8Array, s: number, index: number, slips: Slips): readonly [number, number] {
  const j = slips.subBlock?.(index) ?? index;
  if (j < 4) return [byte(b, s + j) & 63, byte(b, s + j + 4) & 63];
  const low = byte(b, s + j + 4);
  const scaleHigh = slips.noScaleHighBits ? 0 : (byte(b, s + j - 4) >> 6) << 4;
  const minHigh = slips.noScaleHighBits === 'both' ? 0 : (byte(b, s + j) >> 6) << 4;
  return [(low & 15) | scaleHigh, (low >> 4) | minHigh];
}

function q45k(bits: 4 | 5, slips: Slips): DecodeBlock {
  const codes = 16 + (bits === 5 ? 32 : 0);
  const sign = slips.min === 'ignored' ? 0 : slips.min === 'negated' ? -1 : 1;
  return (b, at, out, to) => {
    const d = scaleOf(b, at, slips);
    const dmin = f16ToF32(half(b, at + 2));
    for (let i = 0; i < 256; i++) {
      const [scale, min] = scaleMin(b, at + 4, i >> 5, slips);
      const where = nibbleAt(i & 63, 64, slips);
      let code = (carried(b, at + codes + 32 * (i >> 6) + where.byte, slips) >> (where.upper ? 4 : 0)) & 15;
      if (bits === 5 && !slips.noHighBits) code |= ((byte(b, at + 16 + (i & 31)) >> (i >> 5)) & 1) << 4;
      out[to + i] = d * scale * code - sign * dmin * min;
    }
  };
}

const q2k =
  (slips: Slips): DecodeBlock =>
  (b, at, out, to) => {
    const d = scaleOf(b, at + 80, slips);
    const dmin = f16ToF32(half(b, at + 82));
    for (let i = 0; i < 256; i++) {
      const pair = byte(b, at + (slips.subBlock?.(i >> 4) ?? i >> 4));
      const code = (byte(b, at + 16 + 32 * (i >> 7) + (i & 31)) >> (2 * ((i & 127) >> 5))) & 3;
      const sign = slips.min === 'ignored' ? 0 : slips.min === 'negated' ? -1 : 1;
      out[to + i] = d * (pair & 15) * code - sign * dmin * (pair >> 4);
    }
  };

const q3k =
  (slips: Slips): DecodeBlock =>
  (b, at, out, to) => {
    const d = scaleOf(b, at + 108, slips);
    for (let i = 0; i < 256; i++) {
      const g = slips.subBlock?.(i >> 4) ?? i >> 4;
      const low = (byte(b, at + 96 + (g & 7)) >> (g < 8 ? 0 : 4)) & 15;
      const high = (byte(b, at + 104 + (g & 3)) >> (2 * (g >> 2))) & 3;
      // Read as 4 bits they are in excess of 8.
      const scale = slips.noScaleHighBits ? low - 8 : (low | (high << 4)) - 32;
      const two = (byte(b, at + 32 + 32 * (i >> 7) + (i & 31)) >> (2 * ((i & 127) >> 5))) & 3;
      const third = slips.noHighBits ? 0 : (byte(b, at + (i & 31)) >> (i >> 5)) & 1;
      out[to + i] = d * scale * ((two | (third << 2)) - 4);
    }
  };

const q6k =
  (slips: Slips): DecodeBlock =>
  (b, at, out, to) => {
    const d = scaleOf(b, at + 208, slips);
    for (let i = 0; i < 256; i++) {
      const upper = i >> 7;
      const quarter = (i & 127) >> 5;
      const low = (byte(b, at + 64 * upper + 32 * (quarter & 1) + (i & 31)) >> (quarter < 2 ? 0 : 4)) & 15;
      const high = slips.noHighBits ? 0 : (byte(b, at + 128 + 32 * upper + (i & 31)) >> (2 * quarter)) & 3;
      const g = slips.subBlock?.(i >> 4) ?? i >> 4;
      const code = byte(b, at + 192 + g);
      const scale = slips.twosComplement ? code : (code << 24) >> 24;
      out[to + i] = d * scale * ((low | (high << 4)) - 32);
    }
  };

/** Formats of 16 nibble bytes whose codes stand for values of a table. */
function tabled(
  table: readonly number[],
  header: number,
  scale: (b: Uint8Array, at: number) => number,
  slips: Slips,
): DecodeBlock {
  return (b, at, out, to) => {
    const d = scale(b, at);
    for (let i = 0; i < 32; i++) {
      const where = nibbleAt(i, 32, slips);
      out[to + i] = d * defined(table[(byte(b, at + header + where.byte) >> (where.upper ? 4 : 0)) & 15], 'a code');
    }
  };
}

/** kvalues_iq4nl and kvalues_mxfp4 of ggml-common.h. */
export const IQ4_NL_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;
export const MXFP4_VALUES = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] as const;

/** A wrong decoder of a format; throws TypeError for one that has none here. */
export function wrongDecoder(type: GgmlTypeName, slips: Slips, table?: readonly number[]): DecodeBlock {
  const layout = LEGACY[type];
  if (layout) return legacy(layout, slips);
  if (type === 'Q4_K') return q45k(4, slips);
  if (type === 'Q5_K') return q45k(5, slips);
  const others: Partial<Record<GgmlTypeName, (slips: Slips) => DecodeBlock>> = {
    ...{ Q8_0: q8_0, Q2_K: q2k, Q3_K: q3k, Q6_K: q6k },
    IQ4_NL: (s) => tabled(table ?? IQ4_NL_VALUES, 2, (b, at) => scaleOf(b, at, s), s),
    // e8m0, and the table is twice E2M1's
    MXFP4: (s) => tabled(table ?? MXFP4_VALUES, 1, (b, at) => 2 ** (byte(b, at) - 128), s),
  };
  const make = others[type];
  if (!make) throw new TypeError(`no wrong decoder of ${type}`);
  return make(slips);
}

/** The right decoder, and a change of the values it gives, by place in the block. */
export function changedValues(
  type: GgmlTypeName,
  elements: number,
  change: (values: Float32Array, b: Uint8Array, at: number) => void,
): DecodeBlock {
  const decode = referenceDecoder(type);
  return (b, at, out, to) => {
    decode(b, at, 1, out, to);
    change(out.subarray(to, to + elements), b, at);
  };
}

const LEAST_NORMAL_HALF = 0x0400;
const isSubnormal = (bits: number): boolean => (bits & 0x7fff) < LEAST_NORMAL_HALF && (bits & 0x7fff) !== 0;

export const SCALE_SLIPS = {
  /** Hardware that flushes subnormals. */
  flushed: (bits: number): number => (isSubnormal(bits) ? 0 : f16ToF32(bits)),
  /** Exponent bits taken from a table of normals: 2⁴ too much where there are none. */
  sixteenTimes: (bits: number): number => f16ToF32(bits) * (isSubnormal(bits) ? 16 : 1),
} as const;

export const toHalf = (x: number): number => f16ToF32(f32ToF16(x));
