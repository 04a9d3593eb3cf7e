import { describe, expect, it } from 'vitest';
import {
  addBlock,
  classifyDifference,
  mergeDifference,
  noDifference,
  rangesOf,
  shapeOf,
} from '../../../src/shared/compare/decode-difference';
import { f32Bits } from '../../../src/shared/base/float-bits';

const bits = (values: readonly number[]): Int32Array => new Int32Array(Float32Array.from(values).buffer);

describe('classifyDifference', () => {
  it.each([
    ['both NaN', 0x7fc00000, 0xffc00001, 'nanPayload'],
    ['NaN for a number', f32Bits(1), 0x7fc00000, 'nonFinite'],
    ['a number for NaN', 0x7fc00000, f32Bits(1), 'nonFinite'],
    ['infinities of opposite signs', 0x7f800000, 0xff800000, 'nonFinite'],
    ['infinity for the largest number', 0x7f7fffff, 0x7f800000, 'nonFinite'],
    ['zeros', 0, 0x80000000, 'ulp0'],
    ['a subnormal flushed', 0x007fffff, 0, 'flushedSubnormal'],
    ['a negative subnormal flushed to its sign', 0x80000005, 0x80000000, 'flushedSubnormal'],
    ['a subnormal become the other zero', 0x00000005, 0x80000000, 'ulp16'],
    ['the least normal number become zero', 0x00800000, 0, 'larger'],
    ['a zero become a subnormal', 0, 1, 'ulp1'],
    ['neighbours', f32Bits(1), f32Bits(1) + 1, 'ulp1'],
    ['16 apart', f32Bits(-1), f32Bits(-1) + 16, 'ulp16'],
    ['17 apart', f32Bits(1), f32Bits(1) - 17, 'larger'],
    ['opposite signs', f32Bits(1), f32Bits(-1), 'sign'],
    ['opposite signs, tiny', 1, 0x80000001, 'sign'],
  ])('%s', (_name, judge, lane, expected) => {
    expect(classifyDifference(judge | 0, lane | 0)).toBe(expected);
  });
});

describe('addBlock', () => {
  it('counts a flushed subnormal as a mismatch of a CPU lane only', () => {
    const judge = Int32Array.of(5, f32Bits(1));
    const lane = Int32Array.of(0, f32Bits(1));
    for (const mayFlush of [true, false]) {
      const found = noDifference(2);
      addBlock(found, 7, judge, lane, 0, mayFlush);
      expect(found.counts.flushedSubnormal).toBe(1);
      expect(found.mismatches).toBe(mayFlush ? 0 : 1);
      expect(found.first.map((b) => b.block)).toEqual(mayFlush ? [] : [7]);
    }
  });

  it('keeps first and worst blocks, a NaN before any number, and where they differ', () => {
    const found = noDifference(4);
    const judge = bits([1, 2, 3, 4]);
    const wrong = [
      [1, 2, 3, 4.5],
      [1, 9, 3, 4],
      [1, 2, 3, 4],
      [1, 2, NaN, 4.25],
      [1, 2, 3, 4.25],
      [1, 2, 2, 4],
    ];
    wrong.forEach((lane, block) => addBlock(found, block, judge, bits(lane), 0, false));
    expect(found).toMatchObject({ mismatches: 6, badBlocks: 5 });
    expect(found.first.map((b) => b.block)).toEqual([0, 1, 3, 4]);
    expect(found.worst.map((b) => b.block)).toEqual([3, 1, 5, 0]);
    expect(found.worst[0]).toMatchObject({ elements: [2, 3], worst: { element: 2 }, size: Infinity });
    expect(Array.from(found.byElement)).toEqual([0, 1, 2, 3]);
  });

  it('adds up parts as if they were one', () => {
    const judge = bits([1, 2, 3, 4, 5, 6, 7, 8]);
    const lane = bits([1, 2.5, 3, 4, 50, 6, 7, 8.125]);
    const whole = noDifference(2);
    const parts = [noDifference(2), noDifference(2)];
    for (let b = 0; b < 4; b++) {
      addBlock(whole, b, judge, lane, 2 * b, false);
      addBlock(parts[b >> 1]!, b, judge, lane, 2 * b, false);
    }
    mergeDifference(parts[0]!, parts[1]!);
    expect(parts[0]).toEqual(whole);
  });
});

describe('shapeOf', () => {
  it('names the sub-blocks of the bad elements', () => {
    const byElement = new Float64Array(256).fill(2, 128, 160).fill(1, 250);
    expect(shapeOf(byElement, 32)).toMatchObject({
      elements: [
        [128, 159],
        [250, 255],
      ],
      subBlocks: [4, 7],
    });
    expect(rangesOf([])).toEqual([]);
  });
});
