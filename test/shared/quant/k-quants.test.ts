import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { decodeBlock, fieldValues, finiteBlock } from '../../helpers/blocks';
import { describeDecoder } from '../../helpers/decoder-suite';

describeDecoder('Q4_K', [0, 2]);
describeDecoder('Q5_K', [0, 2]);
describeDecoder('Q6_K', [208]);

type Fields = (name: string) => readonly number[];

const fround = Math.fround;

/** d × scale × code − dmin × min of a Q4_K or Q5_K element, each operation rounded to f32. */
function withMin(f: Fields, e: number, code: number): number {
  const sub = e >> 5;
  const scale = fround(f('d')[0]! * f('scales')[sub]!);
  const min = fround(f('dmin')[0]! * f('mins')[sub]!);
  return fround(fround(scale * code) - min);
}

/** The formats' formulas on decoded fields: the inspector must show the numbers that the decoder used. */
const FORMULAS: readonly (readonly [GgmlTypeName, readonly number[], (f: Fields) => number[]])[] = [
  ['Q4_K', [0, 2], (f) => f('qs').map((q, e) => withMin(f, e, q))],
  ['Q5_K', [0, 2], (f) => f('qs').map((q, e) => withMin(f, e, q + 16 * f('qh')[e]!))],
  [
    'Q6_K',
    [208],
    (f) => f('ql').map((q, e) => fround(fround(f('d')[0]! * f('scales')[e >> 4]!) * (q + 16 * f('qh')[e]! - 32))),
  ],
];

describe('fields', () => {
  it.each(FORMULAS)('of %s give its values by the formula', (type, halves, formula) => {
    for (let seed = 0; seed < 5; seed++) {
      const block = finiteBlock(type, halves, seed);
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

describe('codes', () => {
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
