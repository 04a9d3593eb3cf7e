import { describe, expect, it } from 'vitest';
import { decodeBlock, fieldValues } from '../../helpers/blocks';
import { describeDecoder, describeFormula } from '../../helpers/decoder-suite';
import type { Fields } from '../../helpers/decoder-suite';

for (const type of ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'] as const) describeDecoder(type);

const fround = Math.fround;

/** d × scale × code − dmin × min of an element of sub-block `sub`, each operation rounded to f32. */
function withMin(f: Fields, sub: number, code: number): number {
  const scale = fround(f('d')[0]! * f('scales')[sub]!);
  const min = fround(f('dmin')[0]! * f('mins')[sub]!);
  return fround(fround(scale * code) - min);
}

/** d × scale × code of an element of a sub-block of 16, each operation rounded to f32. */
function scaled(f: Fields, e: number, code: number): number {
  return fround(fround(f('d')[0]! * f('scales')[e >> 4]!) * code);
}

describeFormula('Q2_K', (f) => f('qs').map((q, e) => withMin(f, e >> 4, q)));
describeFormula('Q3_K', (f) => f('qs').map((q, e) => scaled(f, e, q + 4 * f('hmask')[e]! - 4)));
describeFormula('Q4_K', (f) => f('qs').map((q, e) => withMin(f, e >> 5, q)));
describeFormula('Q5_K', (f) => f('qs').map((q, e) => withMin(f, e >> 5, q + 16 * f('qh')[e]!)));
describeFormula('Q6_K', (f) => f('ql').map((q, e) => scaled(f, e, q + 16 * f('qh')[e]! - 32)));

describe('packed scales of Q4_K', () => {
  const packed = (scales: Uint8Array): { scales: readonly number[]; mins: readonly number[] } => {
    const block = new Uint8Array(144);
    block.set(scales, 4);
    return { scales: fieldValues('Q4_K', block, 'scales'), mins: fieldValues('Q4_K', block, 'mins') };
  };

  it('follow the bit diagram', () => {
    // byte 1: s[1] = 5, high bits of s[5] = 2; byte 5: m[1] = 9, high bits of m[5] = 3; byte 9: m[5] low 4, s[5] low 7
    const bytes = new Uint8Array(12);
    bytes[1] = (2 << 6) | 5;
    bytes[5] = (3 << 6) | 9;
    bytes[9] = (4 << 4) | 7;
    expect(packed(bytes).scales).toEqual([0, 5, 0, 0, 0, (2 << 4) | 7, 0, 0]);
    expect(packed(bytes).mins).toEqual([0, 9, 0, 0, 0, (3 << 4) | 4, 0, 0]);
  });

  it('reach 63 everywhere', () => {
    const { scales, mins } = packed(new Uint8Array(12).fill(0xff));
    expect([...scales, ...mins]).toEqual(Array.from({ length: 16 }, () => 63));
  });
});

describe('packed scales of Q3_K', () => {
  it('follow the bit diagram', () => {
    const block = new Uint8Array(110);
    block[96 + 5] = (9 << 4) | 6; // s[13] low 9, s[5] low 6
    block[96 + 8 + 1] = (1 << 6) | (2 << 2); // high bits of s[13]: 1, of s[5]: 2
    const scales = fieldValues('Q3_K', block, 'scales');
    expect(scales[13]).toBe(9 + (1 << 4) - 32);
    expect(scales[5]).toBe(6 + (2 << 4) - 32);
    expect(scales.filter((s) => s === -32).length).toBe(14);
  });
});

describe('codes', () => {
  it('of Q2_K and Q3_K lie where the bit diagram says', () => {
    const q2 = new Uint8Array(84);
    q2[9] = 1; // scale of elements 144 … 159
    q2.set([0x00, 0x3c], 80); // d = 1
    q2[16 + 32 + 18] = 0b11_10_01_11; // elements 242, 210, 178, 146
    expect(Array.from(decodeBlock('Q2_K', q2)).map((x, e) => (x === 0 ? '' : `${e}: ${x}`))).toContain('146: 3');
    q2.fill(1, 0, 16); // all scales 1
    const values = decodeBlock('Q2_K', q2);
    expect([242, 210, 178, 146].map((e) => values[e])).toEqual([3, 2, 1, 3]);

    const q3 = new Uint8Array(110);
    q3.set([0x00, 0x3c], 108); // d = 1; all scales −32
    q3[18] = 0b0100_0000; // high bit of element 210
    q3[32 + 32 + 18] = 0b11_10_01_11; // elements 242, 210, 178, 146
    const deltas = decodeBlock('Q3_K', q3);
    expect([242, 210, 178, 146].map((e) => deltas[e])).toEqual([32, -64, 96, 32]);
  });

  it('of Q4_K lie where the bit diagram says', () => {
    const block = new Uint8Array(144);
    block.set([0x00, 0x3c, 0x00, 0x00]); // d = 1, dmin = 0
    block.set([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1], 4); // all scales 1
    block[16 + 32 * 2 + 5] = 0x9e; // k = 2, l = 5
    const values = decodeBlock('Q4_K', block);
    expect([values[128 + 5], values[128 + 32 + 5]]).toEqual([14, 9]);
    expect(values.filter((x) => x !== 0).length).toBe(2);
  });

  it('of Q6_K lie where the bit diagram says', () => {
    const block = new Uint8Array(210);
    block.fill(1, 192, 208); // all scales 1
    block.set([0x00, 0x3c], 208); // d = 1
    block[64 + 32 + 3] = 0x0a; // n = 1, low bits of element 128 + 32 + 3
    block[128 + 32 + 3] = 0b00_01_10_00; // high bits: 64: 1, 32: 2
    const values = decodeBlock('Q6_K', block);
    expect(values[160 + 3]).toBe(10 + 32 - 32);
    expect(values[192 + 3]).toBe(16 - 32);
    expect(values[128 + 3]).toBe(-32);
  });
});
