import { describe, expect, it } from 'vitest';
import { f16ToF32 } from '../../../../../src/shared/base/float-bits';
import { CODES_OFFSET } from '../../../../../src/shared/diagnosis/hypotheses/weights/another-type';
import { CODE_HIGH_BITS, CODE_ORDER } from '../../../../../src/shared/diagnosis/hypotheses/weights/code-order';
import { ANOTHER_CODE_TABLE, CODE_OFFSET } from '../../../../../src/shared/diagnosis/hypotheses/weights/code-values';
import { CODEBOOK_VALUES } from '../../../../../src/shared/diagnosis/hypotheses/weights/codebook-values';
import { I_QUANT_CODEBOOK, I_QUANT_SIGNS } from '../../../../../src/shared/diagnosis/hypotheses/weights/i-quant-signs';
import { I_QUANT_SCALE_STEP } from '../../../../../src/shared/diagnosis/hypotheses/weights/packed-scales';
import { IQ2S, IQ3S } from '../../../../../src/shared/quant/i-quants-tables';
import { supportedFormat } from '../../../../../src/shared/quant/registry';
import { bestOf } from '../../try-hypothesis';
import { expectExplained, expectExplainedAt } from './try-weights';
import type { MatMul } from './weight-fixture';
import { decoded, gatherSite, matMul, perBlock, rowsOf } from './weight-fixture';

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

  it.each([
    ['too high', 32],
    ['too low', 8],
  ])('Q5_0: the high bit one place %s', async (place, worth) => {
    const m = matMul('Q5_0', 96, 30);
    const wrong = perBlock(m, (b, e) => {
      const low = nibble(b[6 + (e % 16)]!, e >= 16);
      const high = Math.floor(b[2 + (e >> 3)]! / 2 ** (e % 8)) % 2 === 1;
      // one place too low it meets bit 3 of the low ones
      const code = !high ? low : worth === 32 ? low + 32 : low >= 8 ? low : low + 8;
      return half(b, 0) * (code - 16);
    });
    expect((await expectExplained(CODE_HIGH_BITS, m, wrong)).label).toBe(`one place ${place}`);
  });

  it.each(['too high', 'too low'])('Q6_K: both high bits one place %s', async (place) => {
    const m = matMul('Q6_K', 256, 24);
    const wrong = perBlock(m, (b, e) => {
      const [n, r] = [Math.floor(e / 128), e % 128];
      const low = nibble(b[64 * n + (r % 64)]!, r >= 64);
      const high = Math.floor(b[128 + 32 * n + (r % 32)]! / 4 ** Math.floor(r / 32)) % 4;
      const [four, three] = [Math.floor(high / 2), high % 2];
      const tooLow = 16 * four + (three === 1 && low < 8 ? low + 8 : low);
      const code = place === 'too high' ? 32 * high + low : tooLow;
      return half(b, 208) * ((b[192 + Math.floor(e / 16)]! << 24) >> 24) * (code - 32);
    });
    expect((await expectExplained(CODE_HIGH_BITS, m, wrong)).label).toBe(`one place ${place}`);
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

  it('IQ4_NL: one value, in rows that are gathered', async () => {
    const m = matMul('IQ4_NL', 96, 60);
    const right = decoded(m);
    const wrong = perBlock(m, (b, e, index, row) => {
      const x = right[row * m.k + index * 32 + e]!;
      return nibble(b[2 + (e % 16)]!, e >= 16) === 3 ? (x / -65) * -56 : x;
    });
    const ids = [12, 3, 3, 59, 0];
    const best = await expectExplainedAt(CODEBOOK_VALUES, gatherSite(m, ids, rowsOf(m, wrong, ids)));
    expect(best).toMatchObject({ label: 'one value', parameters: { code: 'code 3', value: -56, right: -65 } });
  });

  it('IQ4_NL: two values, in more and longer rows than are looked at, some not compared', async () => {
    const m = matMul('IQ4_NL', 480, 60);
    const right = decoded(m);
    const typed = new Map([
      [3, -56 / -65],
      [14, 80 / 89],
    ]);
    const wrong = perBlock(m, (b, e, index, row) => {
      const factor = typed.get(nibble(b[2 + (e % 16)]!, e >= 16)) ?? 1;
      return right[row * m.k + index * 32 + e]! * factor;
    });
    const ids = Array.from({ length: 20 }, (_, i) => (i * 7) % 60);
    const site = gatherSite(m, ids, rowsOf(m, wrong, ids));
    expect((await expectExplainedAt(CODEBOOK_VALUES, site)).label).toBe('two values');
    const mask = Uint8Array.from(site.right, (_, i) => (i < 480 ? 0 : 1));
    const spoiled = site.wrong?.map((w, i) => (i < 480 ? 9 : w));
    const best = await bestOf(CODEBOOK_VALUES, { ...site, wrong: spoiled, mask });
    expect(best?.share).toBeGreaterThan(0.99);
    const parameters = best?.parameters ?? {};
    const found = [
      [parameters['code'], parameters['value'], parameters['right']],
      [parameters['code 2'], parameters['value 2'], parameters['right 2']],
    ];
    expect(found).toContainEqual(['code 3', -56, -65]);
    expect(found).toContainEqual(['code 14', 80, 89]);
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
