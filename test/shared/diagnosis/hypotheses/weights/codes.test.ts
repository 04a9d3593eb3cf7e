import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../../../src/shared/base/float-bits';
import { CODES_OFFSET } from '../../../../../src/shared/diagnosis/hypotheses/weights/another-type';
import { CODE_HIGH_BITS, CODE_ORDER } from '../../../../../src/shared/diagnosis/hypotheses/weights/code-order';
import { ANOTHER_CODE_TABLE, CODE_OFFSET } from '../../../../../src/shared/diagnosis/hypotheses/weights/code-values';
import { CODEBOOK_VALUES } from '../../../../../src/shared/diagnosis/hypotheses/weights/codebook-values';
import { HALF_PRECISION_DECODE } from '../../../../../src/shared/diagnosis/hypotheses/weights/half-precision';
import { I_QUANT_CODEBOOK, I_QUANT_SIGNS } from '../../../../../src/shared/diagnosis/hypotheses/weights/i-quant-signs';
import { PACKED_CARRIED_AS_FLOATS } from '../../../../../src/shared/diagnosis/hypotheses/weights/packed-as-floats';
import { I_QUANT_SCALE_STEP } from '../../../../../src/shared/diagnosis/hypotheses/weights/packed-scales';
import { IQ2S, IQ3S } from '../../../../../src/shared/quant/i-quants-tables';
import { supportedFormat } from '../../../../../src/shared/quant/registry';
import { expectExplained } from './try-weights';
import type { MatMul } from './weight-fixture';
import { decoded, matMul, perBlock } from './weight-fixture';

const half = (b: Uint8Array, at: number): number => f16ToF32(b[at]! + 256 * b[at + 1]!);
const nibble = (byte: number, high: boolean): number => (high ? Math.floor(byte / 16) : byte % 16);

/** The right values, but in each block the element at `from(e)` for element e. */
function rearranged(m: MatMul, from: (e: number) => number): Float32Array {
  const right = decoded(m);
  const { blockElements } = supportedFormat(m.type);
  return perBlock(m, (_b, e, index, row) => right[row * m.k + index * blockElements + from(e)]!);
}

describe('the order of codes', () => {
  it.each(['Q4_0', 'Q4_1', 'IQ4_NL', 'MXFP4'] as const)('%s: neighbours taken from one byte', async (type) => {
    const m = matMul(type, 96, 30);
    // element 2j is the low nibble of byte j, which belongs to element j; 2j + 1 the high one, of element j + 16
    const wrong = rearranged(m, (e) => (e % 2 === 0 ? e / 2 : (e - 1) / 2 + 16));
    expect((await expectExplained(CODE_ORDER, m, wrong)).label).toBe('in the order of elements');
  });

  it('Q4_0: high nibble first', async () => {
    const m = matMul('Q4_0', 96, 30);
    expect(
      (
        await expectExplained(
          CODE_ORDER,
          m,
          rearranged(m, (e) => (e + 16) % 32),
        )
      ).label,
    ).toBe('high and low swapped');
  });

  it('Q4_K: split by 32 as in Q4_0, within each sub-block', async () => {
    const m = matMul('Q4_K', 256, 24);
    const right = decoded(m);
    const wrong = perBlock(m, (b, e, index, row) => {
      // scale and min of the element's sub-block, from two elements with different codes
      const start = row * m.k + index * 256 + 32 * Math.floor(e / 32);
      const codeAt = (i: number): number => nibble(b[16 + 32 * Math.floor(i / 64) + (i % 32)]!, i % 64 >= 32);
      const first = 32 * Math.floor(e / 32);
      let other = first + 1;
      while (codeAt(other) === codeAt(first)) other++;
      const slope = (right[start + other - first]! - right[start]!) / (codeAt(other) - codeAt(first));
      const byte = b[16 + 16 * Math.floor(e / 32) + (e % 16)]!;
      return right[start]! + slope * (nibble(byte, e % 32 >= 16) - codeAt(first));
    });
    expect((await expectExplained(CODE_ORDER, m, wrong)).label).toBe('split by 32');
  });

  it('Q5_0: the high bit left out, and taken from the other half', async () => {
    const m = matMul('Q5_0', 96, 30);
    const at = (b: Uint8Array, e: number, bit: number): number => {
      const high = bit < 0 ? 0 : Math.floor(b[2 + (bit >> 3)]! / 2 ** (bit % 8)) % 2;
      return half(b, 0) * (nibble(b[6 + (e % 16)]!, e >= 16) + 16 * high - 16);
    };
    const without = perBlock(m, (b, e) => at(b, e, -1));
    expect((await expectExplained(CODE_HIGH_BITS, m, without)).label).toBe('left out');
    const other = perBlock(m, (b, e) => at(b, e, (e + 16) % 32));
    expect((await expectExplained(CODE_HIGH_BITS, m, other)).label).toBe('of the other half');
  });

  it('Q6_K: high bits left out', async () => {
    const m = matMul('Q6_K', 256, 24);
    const wrong = perBlock(m, (b, e) => {
      const [n, r] = [Math.floor(e / 128), e % 128];
      const low = nibble(b[64 * n + (r % 64)]!, r >= 64);
      return half(b, 208) * ((b[192 + Math.floor(e / 16)]! << 24) >> 24) * (low - 32);
    });
    expect((await expectExplained(CODE_HIGH_BITS, m, wrong)).label).toBe('left out');
  });

  it('Q4_1: codes two bytes too early', async () => {
    const m = matMul('Q4_1', 96, 30);
    const wrong = perBlock(m, (b, e) => half(b, 0) * nibble(b[2 + (e % 16)]!, e >= 16) + half(b, 2));
    expect((await expectExplained(CODES_OFFSET, m, wrong)).parameters).toMatchObject({ bytes: -2 });
  });
});

describe('what codes stand for', () => {
  it('Q4_0: two’s complement, and no offset', async () => {
    const m = matMul('Q4_0', 96, 30);
    const q = (b: Uint8Array, e: number): number => nibble(b[2 + (e % 16)]!, e >= 16);
    const twos = perBlock(m, (b, e) => half(b, 0) * (q(b, e) > 7 ? q(b, e) - 16 : q(b, e)));
    expect((await expectExplained(CODE_OFFSET, m, twos)).label).toBe('two’s complement');
    const none = perBlock(m, (b, e) => half(b, 0) * q(b, e));
    expect((await expectExplained(CODE_OFFSET, m, none)).parameters).toMatchObject({ offset: 0, right: 8 });
  });

  it('Q8_0: unsigned', async () => {
    const m = matMul('Q8_0', 96, 30);
    const wrong = perBlock(m, (b, e) => half(b, 0) * b[2 + e]!);
    expect((await expectExplained(CODE_OFFSET, m, wrong)).label).toBe('unsigned');
  });

  it('MXFP4: plain integers', async () => {
    const m = matMul('MXFP4', 96, 30);
    const wrong = perBlock(m, (b, e) => {
      const q = nibble(b[1 + (e % 16)]!, e >= 16);
      return 2 ** (b[0]! - 128) * (q > 7 ? q - 16 : q);
    });
    expect((await expectExplained(ANOTHER_CODE_TABLE, m, wrong)).label).toBe('int4');
  });

  it('IQ4_NL: one value of the table mistyped', async () => {
    const m = matMul('IQ4_NL', 96, 60);
    const right = decoded(m);
    const wrong = perBlock(m, (b, e, index, row) => {
      const x = right[row * m.k + index * 32 + e]!;
      return nibble(b[2 + (e % 16)]!, e >= 16) === 11 ? (x / 38) * 35 : x;
    });
    const best = await expectExplained(CODEBOOK_VALUES, m, wrong);
    expect(best.parameters).toMatchObject({ code: 'code 11', value: 35, right: 38 });
  });

  it('IQ3_S: one level 3.33 % too large; then one place of one entry', async () => {
    const m = matMul('IQ3_S', 512, 60);
    const right = decoded(m);
    const scale = (b: Uint8Array, e: number): number =>
      half(b, 0) * (1 + 2 * nibble(b[106 + Math.floor(e / 64)]!, e % 64 >= 32));
    const level = perBlock(m, (b, e, index, row) => {
      const x = right[row * m.k + index * 256 + e]!;
      return Math.round(Math.abs(x / scale(b, e))) === 15 ? x * (15.5 / 15) : x;
    });
    const one = await expectExplained(CODEBOOK_VALUES, m, level);
    expect(one.parameters).toMatchObject({ code: 'level 15', value: 15.5, right: 15 });

    const entry = (b: Uint8Array, e: number): number =>
      b[2 + Math.floor(e / 4)]! + 256 * (Math.floor(b[66 + Math.floor(e / 32)]! / 2 ** (Math.floor(e / 4) % 8)) % 2);
    const was = IQ3S[4 * 300 + 2]!;
    const typo = perBlock(m, (b, e, index, row) => {
      const x = right[row * m.k + index * 256 + e]!;
      return entry(b, e) === 300 && e % 4 === 2 ? (x / was) * (was + 6) : x;
    });
    const place = await expectExplained(CODEBOOK_VALUES, m, typo);
    expect(place.parameters).toMatchObject({ place: 'entry 300, place 2', value: was + 6, right: was });
  });
});

describe('I-quants', () => {
  it('IQ2_XXS: the eighth sign is always plus', async () => {
    const m = matMul('IQ2_XXS', 256, 30);
    const right = decoded(m);
    const wrong = perBlock(m, (b, e, index, row) => {
      const x = right[row * m.k + index * 256 + e]!;
      return e % 8 === 7 ? Math.abs(x) * Math.sign(half(b, 0)) : x;
    });
    expect((await expectExplained(I_QUANT_SIGNS, m, wrong)).label).toBe('eighth always positive');
  });

  it('IQ2_S: the high bits of entries are left out', async () => {
    const m = matMul('IQ2_S', 256, 30);
    const wrong = perBlock(m, (b, e) => {
      const g = Math.floor(e / 8);
      const scale = half(b, 0) * (nibble(b[74 + Math.floor(e / 32)]!, e % 32 >= 16) + 0.5) * 0.25;
      const sign = Math.floor(b[34 + g]! / 2 ** (e % 8)) % 2 === 1 ? -1 : 1;
      return scale * IQ2S[8 * b[2 + g]! + (e % 8)]! * sign;
    });
    expect((await expectExplained(I_QUANT_CODEBOOK, m, wrong)).label).toBe('high bits of entries left out');
  });

  it('IQ2_XS: the half step of scales is left out', async () => {
    const m = matMul('IQ2_XS', 256, 30);
    const right = decoded(m);
    const wrong = perBlock(m, (b, e, index, row) => {
      const s = nibble(b[66 + Math.floor(e / 32)]!, e % 32 >= 16);
      return (right[row * m.k + index * 256 + e]! * s) / (s + 0.5);
    });
    expect((await expectExplained(I_QUANT_SCALE_STEP, m, wrong)).label).toBe('left out');
  });
});

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

  it('Q4_0: words that look like NaN become one NaN', async () => {
    const m = matMul('Q4_0', 256, 60);
    const wrong = perBlock(m, (b, e) => {
      const at = 2 + (e % 16);
      const word = b[at & ~1]! + 256 * b[at | 1]!;
      const isNaNWord = Math.floor(word / 1024) % 32 === 31 && word % 1024 !== 0;
      const byte = !isNaNWord ? b[at]! : at % 2 === 1 ? 0x7e : 0;
      return half(b, 0) * (nibble(byte, e >= 16) - 8);
    });
    expect((await expectExplained(PACKED_CARRIED_AS_FLOATS, m, wrong)).label).toBe('f16, NaN made 0x7e00');
  });
});
