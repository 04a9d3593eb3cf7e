import { describe, expect, it } from 'vitest';
import type { DequantizeBlocks } from '../../src/shared/quant/format';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { decodeBlock, fieldValues } from './blocks';
import { ggmlRowDecoder, loadGgmlBase } from './ggml-base';
import { QUANTIZABLE, quantizedBlocks, quantizerInput } from './quantize';
import { randomBytes } from './random';
import { blocksWithScales, ordinaryBlocks, SCALE_SLOTS, specialBlocks } from './scales';

const bind = loadGgmlBase();

/** Enough elements that every entry of every codebook turns up (64 times on average in the largest). */
const RANDOM_ELEMENTS = 1 << 20;

/**
 * Where two decodings differ. f32 bits are compared; a NaN equals any NaN, since IEEE 754 leaves open which payload and
 * sign arithmetic on NaNs gives, and JavaScript does not promise to keep them. `exactNaN` compares those bits too.
 */
export function differences(ours: Float32Array, theirs: Float32Array, exactNaN: boolean): string[] {
  const a = new Uint32Array(ours.buffer, ours.byteOffset, ours.length);
  const b = new Uint32Array(theirs.buffer, theirs.byteOffset, theirs.length);
  const found: string[] = [];
  for (let i = 0; i < a.length && found.length < 5; i++) {
    if (a[i] === b[i]) continue;
    if (!exactNaN && Number.isNaN(ours[i]) && Number.isNaN(theirs[i])) continue;
    found.push(`element ${i}: ${ours[i]} (0x${a[i]?.toString(16)}), C: ${theirs[i]} (0x${b[i]?.toString(16)})`);
  }
  return found;
}

interface DecoderOptions {
  readonly exactNaN?: boolean;
  /** The lane under test and its decoder; the scalar reference unless given. */
  readonly lane?: string;
  readonly dequantize?: DequantizeBlocks;
}

/**
 * Holds a decoder against the C function of libggml-base: random bytes, all 2^16 (or 2^8) patterns of each scale,
 * special scales in every combination, and blocks that the library's own quantizer made.
 */
export function describeDecoder(type: GgmlTypeName, options: DecoderOptions = {}): void {
  const { blockBytes, blockElements } = supportedFormat(type);
  const { exactNaN = false, lane = 'scalar', dequantize = supportedFormat(type).dequantize } = options;
  const theirDecoder = bind && ggmlRowDecoder(bind, type);

  const expectEqualBits = (bytes: Uint8Array): Float32Array => {
    const blocks = bytes.length / blockBytes;
    const theirs = new Float32Array(blocks * blockElements);
    const ours = new Float32Array(blocks * blockElements);
    theirDecoder?.(bytes, theirs);
    dequantize(bytes, 0, blocks, ours, 0);
    expect(differences(ours, theirs, exactNaN)).toEqual([]);
    return ours;
  };

  describe.skipIf(!bind)(`${type} (${lane}) against libggml-base`, () => {
    it('decodes random blocks to equal bits', () => {
      expectEqualBits(randomBytes(Math.ceil(RANDOM_ELEMENTS / blockElements) * blockBytes, 3));
    });

    it('decodes zero, subnormal, negative, huge, infinite and NaN scales to equal bits', () => {
      expectEqualBits(specialBlocks(type));
    });

    const patterns = SCALE_SLOTS[type][0]?.patterns ?? 0;
    if (patterns <= 0x10000) {
      it('decodes every pattern of a scale to equal bits', () => {
        for (let start = 0; start < patterns; start += 4096) {
          // An odd factor permutes the patterns, so that every scale of a block goes through all of them.
          const pattern = (slot: number, b: number): number => ((start + b) * (1 + 0x5a62 * slot)) % patterns;
          expectEqualBits(blocksWithScales(type, Math.min(4096, patterns), start, pattern));
        }
      });
    }

    if (bind && QUANTIZABLE.includes(type)) {
      it('decodes what the library quantized to equal bits', { timeout: 120_000 }, () => {
        const columns = Math.max(256, blockElements);
        const { values } = quantizerInput(columns);
        for (const blocks of quantizedBlocks(bind, type, columns)) {
          const decoded = expectEqualBits(blocks);
          // Row 1 is ordinary. Its direction survives least in TQ1_0 and TQ2_0, which zero what is below half of the
          // largest magnitude: 0.74. Codes or scales in wrong places leave nothing of it.
          expect(cosine(values.subarray(columns, 2 * columns), decoded.subarray(columns))).toBeGreaterThan(0.7);
        }
      });
    }
  });

  describeWindows(type, options);
}

/** Cosine of the angle between `a` and as many values of `b`. */
function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => a.reduce((sum, _, i) => sum + x[i]! * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** A decoder reads whole blocks from any byte on and writes their elements only. */
export function describeWindows(type: GgmlTypeName, options: DecoderOptions = {}): void {
  const { blockBytes, blockElements } = supportedFormat(type);
  const { lane = 'scalar', dequantize = supportedFormat(type).dequantize } = options;

  describe(`${type} (${lane}) windows`, () => {
    it('starts at any byte and writes nothing outside its elements', () => {
      const plain = randomBytes(3 * blockBytes, 5);
      const shifted = new Uint8Array(3 * blockBytes + 3).subarray(2);
      shifted.set(plain, 1);
      const whole = new Float32Array(3 * blockElements);
      dequantize(plain, 0, 3, whole, 0);
      const windowed = new Float32Array(3 * blockElements).fill(42);
      dequantize(shifted, 1 + blockBytes, 1, windowed, blockElements);
      const inside = [blockElements, 2 * blockElements] as const;
      expect(differences(windowed.subarray(...inside), whole.subarray(...inside), true)).toEqual([]);
      expect(windowed.subarray(0, blockElements).every((x) => x === 42)).toBe(true);
      expect(windowed.subarray(2 * blockElements).every((x) => x === 42)).toBe(true);
    });
  });
}

/** Decoded fields of one block, by name. */
export type Fields = (name: string) => readonly number[];

/** The inspector must show the numbers that the decoder used: the format's formula on the decoded fields. */
export function describeFormula(type: GgmlTypeName, formula: (f: Fields) => readonly number[]): void {
  describe(`${type} fields`, () => {
    it('give its values by the formula', () => {
      const { blockBytes } = supportedFormat(type);
      const blocks = ordinaryBlocks(type, 10, 17);
      for (let start = 0; start < blocks.length; start += blockBytes) {
        const block = blocks.subarray(start, start + blockBytes);
        const cached = new Map<string, readonly number[]>();
        const field = (name: string): readonly number[] => {
          const values = cached.get(name) ?? fieldValues(type, block, name);
          cached.set(name, values);
          return values;
        };
        expect(formula(field)).toEqual(Array.from(decodeBlock(type, block)));
      }
    });
  });
}
