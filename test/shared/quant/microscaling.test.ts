import { describe, expect, it } from 'vitest';
import { FP4_DOUBLED } from '../../../src/shared/quant/microscaling';
import { decodeBlock, fieldValues } from '../../helpers/blocks';
import { describeDecoder, describeFormula } from '../../helpers/decoder-suite';

describeDecoder('MXFP4');
describeDecoder('NVFP4');

describeFormula('MXFP4', (f) => f('qs').map((q) => FP4_DOUBLED[q]! * f('e')[0]!));
describeFormula('NVFP4', (f) => f('qs').map((q, e) => FP4_DOUBLED[q]! * f('d')[e >> 4]!));

describe('E2M1', () => {
  it('is what the bits say, doubled', () => {
    for (let code = 0; code < 16; code++) {
      const exponent = (code >> 1) & 3;
      const magnitude = exponent === 0 ? (code & 1) / 2 : (1 + (code & 1) / 2) * 2 ** (exponent - 1);
      const signed = code >= 8 && magnitude !== 0 ? -magnitude : magnitude;
      expect([code, FP4_DOUBLED[code]]).toEqual([code, 2 * signed]);
    }
  });
});

describe('scales', () => {
  it('of MXFP4 reach from subnormals to infinity', () => {
    const first = (e: number, code: number): number =>
      decodeBlock('MXFP4', Uint8Array.of(e, ...Array<number>(16).fill(code)))[0]!;
    expect(first(127, 7)).toBe(6);
    expect(first(0, 1)).toBe(2 ** -128);
    expect(first(1, 1)).toBe(2 ** -127);
    expect(first(2, 9)).toBe(-(2 ** -126));
    expect(first(255, 1)).toBe(2 ** 127);
    expect(first(255, 0)).toBe(0);
    expect(first(255, 15)).toBe(-Infinity);
  });

  it('of NVFP4 are halves of UE4M3', () => {
    const scales = (...bytes: number[]): readonly number[] =>
      fieldValues('NVFP4', Uint8Array.of(...bytes, ...Array<number>(32).fill(0)), 'd');
    expect(scales(0x00, 0x01, 0x07, 0x08)).toEqual([0, 2 ** -10, 7 * 2 ** -10, 2 ** -7]);
    expect(scales(0x38, 0x7e, 0x7f, 0xff)).toEqual([0.5, 224, 0, 240]);
  });

  it('of NVFP4 belong to sixteen elements each', () => {
    const block = new Uint8Array(36);
    block[2] = 0x40; // d of elements 32 … 47 is 1
    block[4 + 16 + 5] = 0xa7; // elements 37: 7, 45: 10
    const values = decodeBlock('NVFP4', block);
    expect([values[37], values[45]]).toEqual([12, -2]);
    expect(values.filter((x) => x !== 0).length).toBe(2);
  });
});
