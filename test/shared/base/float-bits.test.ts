import { describe, expect, it } from 'vitest';
import {
  bf16ToF32,
  F16_TO_F32,
  F16_TO_F32_BITS,
  f16ToF32,
  f32FromBits,
  f32ToBf16,
  f32ToF16,
  ulpDistance,
} from '../../../src/shared/base/float-bits';
import { loadGgmlBase } from '../../helpers/ggml-base';
import { randomWords } from '../../helpers/random';

const bind = loadGgmlBase();

/** f32 bit patterns around every place where narrowing changes its rule, and random ones. */
function narrowingInputs(): Uint32Array<ArrayBuffer> {
  const edges: number[] = [];
  for (const centre of [0, 0x33000000, 0x33800000, 0x38800000, 0x477fe000, 0x477ff000, 0x47800000, 0x7f800000]) {
    for (let d = -3; d <= 3; d++) edges.push((centre + d) >>> 0, (0x80000000 + centre + d) >>> 0);
  }
  // every f16 and bf16, exactly, half a step above, and one bit to either side of that half
  for (let h = 0; h < 0x10000; h++) {
    const wide = F16_TO_F32_BITS[h] as number;
    edges.push(wide, (wide + 0x0fff) >>> 0, (wide + 0x1000) >>> 0, (wide + 0x1001) >>> 0);
    edges.push((h << 16) >>> 0, ((h << 16) + 0x7fff) >>> 0, ((h << 16) + 0x8000) >>> 0, ((h << 16) + 0x8001) >>> 0);
  }
  const random = randomWords(200_000, 1);
  const all = new Uint32Array(edges.length + random.length);
  all.set(edges);
  all.set(random, edges.length);
  return all;
}

describe('f16', () => {
  it('has the values the standard gives', () => {
    expect(f16ToF32(0x3c00)).toBe(1);
    expect(f16ToF32(0xc000)).toBe(-2);
    expect(f16ToF32(0x0001)).toBe(2 ** -24);
    expect(f16ToF32(0x03ff)).toBe(1023 * 2 ** -24);
    expect(f16ToF32(0x0400)).toBe(2 ** -14);
    expect(f16ToF32(0x7bff)).toBe(65504);
    expect(f16ToF32(0x7c00)).toBe(Infinity);
    expect(f16ToF32(0xfc00)).toBe(-Infinity);
    expect(Object.is(f16ToF32(0x8000), -0)).toBe(true);
    expect(f16ToF32(0x7e01)).toBeNaN();
  });

  it('narrows every f16 back to itself', () => {
    const numbers = Array.from({ length: 0x10000 }, (_, h) => h).filter((h) => !Number.isNaN(F16_TO_F32[h]));
    expect(numbers.filter((h) => f32ToF16(f16ToF32(h)) !== h)).toEqual([]);
    expect(numbers.length).toBe(0x10000 - 2 * 1023);
  });

  it('narrows a NaN to a quiet NaN', () => {
    expect(f32ToF16(NaN) & 0x7fff).toBe(0x7e00);
  });

  it('rounds to nearest, ties to even, into subnormals and to infinity', () => {
    expect(f32ToF16(1 + 2 ** -11)).toBe(0x3c00);
    expect(f32ToF16(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(f32ToF16(2 ** -25)).toBe(0);
    expect(f32ToF16(1.5 * 2 ** -25)).toBe(1);
    expect(f32ToF16(65519.99)).toBe(0x7bff);
    expect(f32ToF16(65520)).toBe(0x7c00);
  });
});

describe('bf16', () => {
  it('is the upper half of an f32, rounded to even', () => {
    expect(bf16ToF32(0x3f80)).toBe(1);
    expect(f32ToBf16(1 + 2 ** -8)).toBe(0x3f80);
    expect(f32ToBf16(1 + 3 * 2 ** -8)).toBe(0x3f82);
    expect(f32ToBf16(-Infinity)).toBe(0xff80);
    expect(f32ToBf16(3.4e38)).toBe(0x7f80);
    expect(f32ToBf16(NaN) & 0x7fff).toBeGreaterThan(0x7f80);
  });
});

describe('ulpDistance', () => {
  it('counts the f32 between two values, over zero too', () => {
    expect(ulpDistance(1, 1)).toBe(0);
    expect(ulpDistance(0, -0)).toBe(0);
    expect(ulpDistance(1, 1 + 2 ** -23)).toBe(1);
    expect(ulpDistance(f32FromBits(1), f32FromBits(0x80000001))).toBe(2);
    expect(ulpDistance(f32FromBits(0x7f7fffff), Infinity)).toBe(1);
    expect(ulpDistance(-Infinity, Infinity)).toBe(2 * 0x7f800000);
  });

  it('judges NaN apart', () => {
    expect(ulpDistance(NaN, NaN)).toBe(0);
    expect(ulpDistance(NaN, 1)).toBe(Infinity);
    expect(ulpDistance(1, NaN)).toBe(Infinity);
  });
});

describe.skipIf(!bind)('against libggml-base', () => {
  const all16 = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

  const widenedByLibrary = (name: string): Float32Array => {
    const theirs = new Float32Array(0x10000);
    bind?.(`void ${name}(const void *x, void *y, int64_t n)`)(all16, theirs, all16.length);
    return theirs;
  };

  it('widens all 65536 f16 to equal bits, NaN payloads included', () => {
    const theirs = widenedByLibrary('ggml_fp16_to_fp32_row');
    expect(Buffer.compare(Buffer.from(F16_TO_F32_BITS.buffer), Buffer.from(theirs.buffer))).toBe(0);
  });

  it('widens all 65536 bf16 to equal values', () => {
    expect(Array.from(all16, bf16ToF32)).toEqual(Array.from(widenedByLibrary('ggml_bf16_to_fp32_row')));
  });

  it.each([
    ['f16', 'ggml_fp32_to_fp16_row', f32ToF16],
    ['bf16', 'ggml_fp32_to_bf16_row', f32ToBf16],
  ] as const)('narrows to equal %s bits at every edge and on random bits', (_, name, narrow) => {
    const words = narrowingInputs();
    const values = new Float32Array(words.buffer);
    const theirs = new Uint16Array(words.length);
    bind?.(`void ${name}(const void *x, void *y, int64_t n)`)(values, theirs, words.length);
    const ours = Uint16Array.from(values, (x) => narrow(x));
    // Which payload a NaN keeps on its way through a JavaScript number is the engine's business.
    const wrong = [...words.keys()].filter((i) => ours[i] !== theirs[i] && !Number.isNaN(values[i]));
    expect(wrong.slice(0, 4).map((i) => (words[i] as number).toString(16))).toEqual([]);
  });
});
