import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../../../src/shared/base/float-bits';
import { HALF_PRECISION_DECODE } from '../../../../../src/shared/diagnosis/hypotheses/weights/half-precision';
import { PACKED_CARRIED_AS_FLOATS } from '../../../../../src/shared/diagnosis/hypotheses/weights/packed-as-floats';
import { expectExplained } from './try-weights';
import { matMul, matMulSite, perBlock } from './weight-fixture';

const half = (b: Uint8Array, at: number): number => f16ToF32(b[at]! + 256 * b[at + 1]!);
const nibble = (byte: number, high: boolean): number => (high ? Math.floor(byte / 16) : byte % 16);

describe('rounding and registers', () => {
  it('Q5_1: products and sums in f16', async () => {
    const m = matMul('Q5_1', 96, 40);
    const round = (x: number): number => f16ToF32(f32ToF16(x));
    const wrong = perBlock(m, (b, e) => {
      const high = Math.floor(b[4 + (e >> 3)]! / 2 ** (e % 8)) % 2;
      const q = nibble(b[8 + (e % 16)]!, e >= 16) + 16 * high;
      return round(round(half(b, 0) * q) + half(b, 2));
    });
    expect((await expectExplained(HALF_PRECISION_DECODE, m, wrong)).label).toBe('f16 products');
  });

  const isNaNWord = (word: number): boolean => Math.floor(word / 1024) % 32 === 31 && word % 1024 !== 0;
  const isTinyWord = (word: number): boolean => Math.floor(word / 1024) % 32 === 0;
  const wordAt = (b: Uint8Array, at: number): number => b[at & ~1]! + 256 * b[at | 1]!;

  it('Q4_0: words that look like NaN become one NaN', async () => {
    const m = matMul('Q4_0', 256, 60);
    const wrong = perBlock(m, (b, e) => {
      const at = 2 + (e % 16);
      const byte = !isNaNWord(wordAt(b, at)) ? b[at]! : at % 2 === 1 ? 0x7e : 0;
      return half(b, 0) * (nibble(byte, e >= 16) - 8);
    });
    expect((await expectExplained(PACKED_CARRIED_AS_FLOATS, m, wrong)).label).toBe('f16, NaN made 0x7e00');
  });

  it.each([
    ['with the scale', true, 'f16, subnormals flushed'],
    ['its codes only', false, 'f16, subnormals flushed, codes only'],
  ])('Q4_0: words that look subnormal become zero, %s', async (_, scaleToo, label) => {
    const m = matMul('Q4_0', 256, 60, 5, { subnormal: 0.5 });
    const wrong = perBlock(m, (b, e) => {
      const at = 2 + (e % 16);
      // the sign stays
      const sign = at % 2 === 1 && b[at]! > 127 ? 128 : 0;
      const byte = isTinyWord(wordAt(b, at)) ? sign : b[at]!;
      const d = scaleToo && isTinyWord(wordAt(b, 0)) ? 0 : half(b, 0);
      return d * (nibble(byte, e >= 16) - 8);
    });
    const best = await expectExplained(PACKED_CARRIED_AS_FLOATS, m, wrong);
    expect(best.label).toBe(label);
    expect(best.parameters['of']).toBe(scaleToo ? undefined : 'codes only');
  });

  it('Q6_K: low bits carried as f16, high bits and scales as they are', async () => {
    const m = matMul('Q6_K', 512, 40);
    const wrong = perBlock(m, (b, e) => {
      const [n, r] = [Math.floor(e / 128), e % 128];
      const at = 64 * n + (r % 64);
      const byte = !isNaNWord(wordAt(b, at)) ? b[at]! : at % 2 === 1 ? 0x7e : 0;
      const high = Math.floor(b[128 + 32 * n + (r % 32)]! / 4 ** Math.floor(r / 32)) % 4;
      const code = nibble(byte, r >= 64) + 16 * high;
      return half(b, 208) * ((b[192 + Math.floor(e / 16)]! << 24) >> 24) * (code - 32);
    });
    const best = await expectExplained(PACKED_CARRIED_AS_FLOATS, m, wrong);
    expect(best).toMatchObject({ label: 'f16, NaN made 0x7e00, codes only', parameters: { of: 'codes only' } });
  });

  it('MXFP4: blocks of 17 bytes are not carried in whole words', () => {
    const m = matMul('MXFP4', 96, 30);
    expect([...PACKED_CARRIED_AS_FLOATS.variants(matMulSite(m, undefined))]).toEqual([]);
  });
});
