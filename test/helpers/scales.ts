import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { randomBytes, randomWords } from './random';

/** A scale that a block stores: where its bits go, and which bits it may have. */
export interface ScaleSlot {
  /** How many bit patterns there are; tests go through all of them up to 2^16. */
  readonly patterns: number;
  /** Patterns where decoders go wrong: zeros, subnormals, largest and least values, infinities, NaNs. */
  readonly special: readonly number[];
  /** A pattern of finite value and ordinary size, from 32 random bits. */
  readonly ordinary: (random: number) => number;
  readonly write: (view: DataView, block: number, pattern: number) => void;
}

const SPECIAL_HALVES: readonly number[] = [
  0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400, 0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x7c00, 0xfc00,
  0x7e00, 0xfe00, 0x7c01, 0x2e66, 0xa555,
];

/** The f16 patterns above, and what only an f32 has: its own subnormals and extremes, mantissas of 24 bits. */
const SPECIAL_WORDS: readonly number[] = [
  0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x80800000, 0x3f800000, 0xbf800000,
  0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x3effffff, 0xbe123457, 0x01234567,
];

function half(
  write: ScaleSlot['write'] | number, // a byte offset, or how the bits are spread
): ScaleSlot {
  return {
    patterns: 0x10000,
    special: SPECIAL_HALVES,
    ordinary: (random) => (random & 0x83ff) | 0x2c00, // 2⁻⁴ ≤ |scale| < 2⁻³
    write: typeof write === 'number' ? (view, block, bits) => view.setUint16(block + write, bits, true) : write,
  };
}

function byte(offset: number, least: number): ScaleSlot {
  return {
    patterns: 256,
    special: [0, 1, 2, 7, 8, 0x7e, 0x7f, 0x80, 0xfe, 0xff],
    ordinary: (random) => least + (random & 7),
    write: (view, block, bits) => view.setUint8(block + offset, bits),
  };
}

const word: ScaleSlot = {
  patterns: 2 ** 32,
  special: SPECIAL_WORDS,
  ordinary: (random) => (random & 0x807fffff) | 0x3d800000,
  write: (view, block, bits) => view.setUint32(block, bits, true),
};

/** IQ1_M spreads its f16 over the upper nibbles of four words. */
const spread = half((view, block, bits) => {
  for (let k = 0; k < 4; k++) {
    const at = block + 49 + 2 * k;
    view.setUint8(at, (view.getUint8(at) & 15) | (((bits >> (4 * k)) & 15) << 4));
  }
});

/** The floating-point scales of every type's block; scales that are small integers are left to random bytes. */
export const SCALE_SLOTS: Readonly<Record<GgmlTypeName, readonly ScaleSlot[]>> = {
  F64: [],
  F32: [],
  F16: [half(0)],
  BF16: [half(0)],
  I8: [],
  I16: [],
  I32: [],
  I64: [],
  Q1_0: [half(0)],
  Q2_0: [half(0)],
  Q4_0: [half(0)],
  Q4_1: [half(0), half(2)],
  Q5_0: [half(0)],
  Q5_1: [half(0), half(2)],
  Q8_0: [half(0)],
  Q8_1: [half(0), half(2)],
  Q2_K: [half(80), half(82)],
  Q3_K: [half(108)],
  Q4_K: [half(0), half(2)],
  Q5_K: [half(0), half(2)],
  Q6_K: [half(208)],
  Q8_K: [word],
  IQ1_S: [half(0)],
  IQ1_M: [spread],
  IQ2_XXS: [half(0)],
  IQ2_XS: [half(0)],
  IQ2_S: [half(0)],
  IQ3_XXS: [half(0)],
  IQ3_S: [half(0)],
  IQ4_NL: [half(0)],
  IQ4_XS: [half(0)],
  TQ1_0: [half(52)],
  TQ2_0: [half(64)],
  MXFP4: [byte(0, 120)],
  NVFP4: [byte(0, 48), byte(1, 48), byte(2, 48), byte(3, 48)],
};

/** Random blocks whose scale `slot` of block `b` has the bits `pattern(slot, b)`. */
export function blocksWithScales(
  type: GgmlTypeName,
  count: number,
  seed: number,
  pattern: (slot: number, b: number) => number,
): Uint8Array<ArrayBuffer> {
  const { blockBytes } = supportedFormat(type);
  const bytes = randomBytes(count * blockBytes, seed);
  const view = new DataView(bytes.buffer);
  SCALE_SLOTS[type].forEach((slot, i) => {
    for (let b = 0; b < count; b++) slot.write(view, b * blockBytes, pattern(i, b));
  });
  return bytes;
}

/** Random blocks whose scales are finite and of ordinary size. */
export function ordinaryBlocks(type: GgmlTypeName, count: number, seed: number): Uint8Array<ArrayBuffer> {
  const slots = SCALE_SLOTS[type];
  const random = randomWords(count * slots.length, seed + 1);
  return blocksWithScales(type, count, seed, (slot, b) => slots[slot]!.ordinary(random[b * slots.length + slot]!));
}

/** Random blocks with every combination of special values in the first two scales; further scales repeat the first. */
export function specialBlocks(type: GgmlTypeName): Uint8Array<ArrayBuffer> {
  const slots = SCALE_SLOTS[type];
  const first = slots[0]?.special ?? [];
  const count = slots.length > 1 ? first.length ** 2 : 8 * first.length;
  return blocksWithScales(type, count, 99, (slot, b) => {
    const { special } = slots[slot]!;
    return special[(slot === 1 ? Math.floor(b / first.length) : b) % special.length]!;
  });
}
