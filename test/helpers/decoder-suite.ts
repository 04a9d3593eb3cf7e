import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { ggmlRowDecoder, loadGgmlBase } from './ggml-base';
import { randomBytes } from './random';

const bind = loadGgmlBase();

/** f16 scales where decoders go wrong: zeros, subnormals, largest and least values, infinities, NaNs, plain ones. */
export const SPECIAL_HALVES: readonly number[] = [
  0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400, 0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x7c00, 0xfc00,
  0x7e00, 0xfe00, 0x7c01, 0x2e66, 0xa555,
];

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

/** Blocks of random bytes, one per pair of special scales, which are written at `halfOffsets`. */
function specialBlocks(blockBytes: number, halfOffsets: readonly number[]): Uint8Array<ArrayBuffer> {
  const pairs = SPECIAL_HALVES.flatMap((first) => SPECIAL_HALVES.map((second) => [first, second] as const));
  const bytes = randomBytes(pairs.length * blockBytes, 99);
  const view = new DataView(bytes.buffer);
  pairs.forEach((pair, block) => {
    halfOffsets.forEach((offset, i) => view.setUint16(block * blockBytes + offset, pair[i] ?? 0, true));
  });
  return bytes;
}

/**
 * Holds a decoder against the C function of libggml-base: random bytes, special scales, and unaligned source with
 * offset destination.
 * @param halfOffsets bytes of the block's f16 scales
 */
export function describeDecoder(
  type: GgmlTypeName,
  halfOffsets: readonly number[],
  options: { readonly exactNaN?: boolean } = {},
): void {
  const { blockBytes, blockElements, dequantize } = supportedFormat(type);
  const exactNaN = options.exactNaN ?? false;

  describe.skipIf(!bind)(`${type} against libggml-base`, () => {
    const compare = (bytes: Uint8Array): void => {
      const blocks = bytes.length / blockBytes;
      const theirs = new Float32Array(blocks * blockElements);
      const ours = new Float32Array(blocks * blockElements);
      if (bind) ggmlRowDecoder(bind, type)(bytes, theirs);
      dequantize(bytes, 0, blocks, ours, 0);
      expect(differences(ours, theirs, exactNaN)).toEqual([]);
    };

    it('decodes random blocks to equal bits', () => {
      compare(randomBytes(Math.ceil(65_536 / blockElements) * blockBytes, 3));
    });

    it('decodes zero, subnormal, negative, infinite and NaN scales to equal bits', () => {
      compare(specialBlocks(blockBytes, halfOffsets));
    });
  });

  describe(`${type} windows`, () => {
    it('starts at any byte and writes nothing outside its elements', () => {
      const plain = randomBytes(3 * blockBytes, 5);
      const shifted = new Uint8Array(3 * blockBytes + 1);
      shifted.set(plain, 1);
      const whole = new Float32Array(3 * blockElements);
      dequantize(plain, 0, 3, whole, 0);
      const windowed = new Float32Array(3 * blockElements).fill(42);
      dequantize(shifted, 1 + blockBytes, 1, windowed, blockElements);
      expect(
        differences(
          windowed.subarray(blockElements, 2 * blockElements),
          whole.subarray(blockElements, 2 * blockElements),
          true,
        ),
      ).toEqual([]);
      expect(windowed.subarray(0, blockElements).every((x) => x === 42)).toBe(true);
      expect(windowed.subarray(2 * blockElements).every((x) => x === 42)).toBe(true);
    });
  });
}
