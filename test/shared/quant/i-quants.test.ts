import { describe, expect, it } from 'vitest';
import {
  EVEN_SIGNS,
  IQ1S,
  IQ2S,
  IQ2XS,
  IQ2XXS,
  IQ3S,
  IQ3XXS,
  IQ4_VALUES,
  SIGNS,
} from '../../../src/shared/quant/i-quants-tables';
import { decodeBlock, fieldValues } from '../../helpers/blocks';
import { describeDecoder, describeFormula } from '../../helpers/decoder-suite';
import type { Fields } from '../../helpers/decoder-suite';

for (const type of ['IQ1_S', 'IQ1_M', 'IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ3_XXS', 'IQ3_S'] as const) describeDecoder(type);
for (const type of ['IQ4_NL', 'IQ4_XS'] as const) describeDecoder(type);

const all = (value: (e: number) => number): number[] => Array.from({ length: 256 }, (_, e) => value(e));
const d = (f: Fields): number => f('d')[0]!;

/** d × (2 × scale + 1) × (codebook value + delta) */
function iq1(f: Fields, scale: number, delta: number, e: number): number {
  const entry = f('qs')[e >> 3]! + (f('qh')[e >> 3]! << 8);
  return d(f) * (2 * scale + 1) * (IQ1S[entry * 8 + (e & 7)]! + delta);
}

describeFormula('IQ1_S', (f) => all((e) => iq1(f, f('scales')[e >> 5]!, f('delta')[e >> 5]!, e)));
describeFormula('IQ1_M', (f) => all((e) => iq1(f, f('scales')[e >> 4]!, f('delta')[e >> 3]!, e)));

/** d × (scale + ½) × ¼ × codebook value × sign */
function iq2(f: Fields, grid: Int8Array, scale: number, entry: number, e: number): number {
  return d(f) * (scale + 0.5) * 0.25 * grid[entry * 8 + (e & 7)]! * f('signs')[e]!;
}

describeFormula('IQ2_XXS', (f) => all((e) => iq2(f, IQ2XXS, f('scales')[e >> 5]!, f('grid')[e >> 3]!, e)));
describeFormula('IQ2_XS', (f) => all((e) => iq2(f, IQ2XS, f('scales')[e >> 4]!, f('grid')[e >> 3]!, e)));
describeFormula('IQ2_S', (f) =>
  all((e) => iq2(f, IQ2S, f('scales')[e >> 4]!, f('qs')[e >> 3]! + (f('qh')[e >> 3]! << 8), e)),
);

describeFormula('IQ3_XXS', (f) =>
  all((e) => d(f) * (f('scales')[e >> 5]! + 0.5) * 0.5 * IQ3XXS[f('qs')[e >> 2]! * 4 + (e & 3)]! * f('signs')[e]!),
);
describeFormula('IQ3_S', (f) =>
  all((e) => {
    const entry = f('qs')[e >> 2]! + (f('qh')[e >> 2]! << 8);
    return d(f) * (2 * f('scales')[e >> 5]! + 1) * IQ3S[entry * 4 + (e & 3)]! * f('signs')[e]!;
  }),
);

describeFormula('IQ4_NL', (f) => f('qs').map((q) => d(f) * IQ4_VALUES[q]!));
describeFormula('IQ4_XS', (f) => f('qs').map((q, e) => d(f) * f('scales')[e >> 5]! * IQ4_VALUES[q]!));

describe('codebooks', () => {
  it.each([
    ['IQ1S', IQ1S, 8, 2048],
    ['IQ2XXS', IQ2XXS, 8, 256],
    ['IQ2XS', IQ2XS, 8, 512],
    ['IQ2S', IQ2S, 8, 1024],
    ['IQ3XXS', IQ3XXS, 4, 256],
    ['IQ3S', IQ3S, 4, 512],
  ] as const)('%s has no entry twice', (_, grid, values, entries) => {
    expect(grid.length).toBe(entries * values);
    const seen = new Set(Array.from({ length: entries }, (_, i) => grid.subarray(i * values, (i + 1) * values).join()));
    expect(seen.size).toBe(entries);
  });
});

describe('signs', () => {
  it('are an even number of minuses, the first seven as stored', () => {
    EVEN_SIGNS.forEach((byte, stored) => {
      expect(byte & 127).toBe(stored);
      const product = SIGNS.subarray(byte * 8, byte * 8 + 8).reduce((a, b) => a * b);
      expect(product).toBe(1);
    });
  });
});

describe('packed scales', () => {
  it('of IQ1_M hide d in four upper nibbles', () => {
    const block = new Uint8Array(56);
    block[48 + 1] = 0x50; // bits 3…0
    block[48 + 3] = 0x60;
    block[48 + 5] = 0xe0;
    block[48 + 7] = 0x20; // bits 15…12
    expect(fieldValues('IQ1_M', block, 'd')).toEqual([(1 + 0x265 / 0x400) * 2 ** -4]); // 0x2e65
    block[48 + 2] = 0b0010_1000; // second word: scales 4 and 5 are 0 and 5
    expect(fieldValues('IQ1_M', block, 'scales').slice(3, 7)).toEqual([0, 0, 5, 0]);
  });

  it('of IQ4_XS have two high bits in a word of their own', () => {
    const block = new Uint8Array(136);
    block.set([0x00, 0x3c]); // d = 1
    block[3] = 0b0000_1000; // scale 5 has high bits 2
    block[4 + 2] = 0x70; // scale 5 has low bits 7
    block[8 + 16 * 5 + 4] = 0x0f; // element 164 has code 15, element 180 code 0
    expect(fieldValues('IQ4_XS', block, 'scales')).toEqual([-32, -32, -32, -32, -32, 2 * 16 + 7 - 32, -32, -32]);
    const values = decodeBlock('IQ4_XS', block);
    expect([values[164], values[180]]).toEqual([7 * 113, 7 * -127]);
  });
});

describe('codebook entries', () => {
  it('of IQ3_S take bit 8 from qh', () => {
    const block = new Uint8Array(110);
    block.set([0x00, 0x3c]); // d = 1, scales 0
    block[2 + 8 * 3 + 5] = 0x21; // entry of elements 116 … 119
    block[66 + 3] = 1 << 5;
    const values = decodeBlock('IQ3_S', block);
    expect(Array.from(values.subarray(116, 120))).toEqual(Array.from(IQ3S.subarray(0x121 * 4, 0x122 * 4)));
  });

  it('of IQ2_S take bits 9 8 from qh', () => {
    const block = new Uint8Array(82);
    block.set([0x00, 0x48]); // d = 8, scales 0: d × ½ × ¼ = 1
    block[2 + 6] = 0x21; // entry of elements 48 … 55
    block[66 + 1] = 0b00_11_00_00;
    block[34 + 6] = 0b1000_0000; // element 55 is negative
    const values = Array.from(decodeBlock('IQ2_S', block).subarray(48, 56));
    const grid = Array.from(IQ2S.subarray(0x321 * 8, 0x322 * 8));
    expect(values).toEqual(grid.map((x, j) => (j === 7 ? -x : x)));
  });
});
