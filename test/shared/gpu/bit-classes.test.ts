import { describe, expect, it } from 'vitest';
import { bitClass, tallyBits } from '../../../src/shared/gpu/bit-classes';

describe('bitClass', () => {
  it.each([
    ['equal bits', 0x3f800000, 0x3f800000, 'equal'],
    ['equal NaNs', 0x7fc00001, 0x7fc00001, 'equal'],
    ['one bit', 0x3f800001, 0x3f800000, 'different'],
    ['a subnormal flushed', 0, 0x00000001, 'flushed'],
    ['a negative subnormal flushed', 0x80000000, 0x807fffff, 'flushed'],
    ['flushed to the other sign', 0, 0x80000001, 'different'],
    ['a normal number flushed', 0, 0x00800000, 'different'],
    ['zeros of other sign', 0, 0x80000000, 'different'],
    ['another subnormal', 2, 1, 'different'],
    ['another NaN', 0xffc00000, 0x7f800001, 'nan'],
    ['infinity for a NaN', 0x7f800000, 0x7fc00000, 'different'],
    ['a NaN for infinity', 0x7fc00000, 0x7f800000, 'different'],
  ] as const)('%s', (_name, got, exact, expected) => {
    expect(bitClass(got, exact)).toBe(expected);
  });
});

describe('tallyBits', () => {
  it('counts every value once and lists the first differences', () => {
    const exact = Uint32Array.from({ length: 40 }, (_, i) => i * 0x01000000);
    const got = exact.map((bits, i) => (i < 20 ? bits : bits + 1));
    const tally = tallyBits(got, exact);
    expect(tally).toMatchObject({ equal: 20, flushed: 0, nan: 0, differences: 20 });
    expect(tally.different).toEqual(Array.from({ length: 16 }, (_, i) => 20 + i));
  });
});
