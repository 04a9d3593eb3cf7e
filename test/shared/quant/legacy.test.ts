import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { describeDecoder } from '../../helpers/decoder-suite';
import { decodeBlock, fieldValues, finiteBlock } from '../../helpers/blocks';

describeDecoder('Q4_0', [0]);
describeDecoder('Q4_1', [0, 2]);
describeDecoder('Q5_0', [0]);
describeDecoder('Q5_1', [0, 2]);
describeDecoder('Q8_0', [0]);

/** The formats' formulas on decoded fields: the inspector must show the numbers that the decoder used. */
const FORMULAS: readonly (readonly [
  GgmlTypeName,
  readonly number[],
  (f: (name: string) => readonly number[]) => number[],
])[] = [
  ['Q4_0', [0], (f) => f('qs').map((q) => (q - 8) * f('d')[0]!)],
  ['Q4_1', [0, 2], (f) => f('qs').map((q) => q * f('d')[0]! + f('m')[0]!)],
  ['Q5_0', [0], (f) => f('qs').map((q, e) => (q + 16 * f('qh')[e]! - 16) * f('d')[0]!)],
  ['Q5_1', [0, 2], (f) => f('qs').map((q, e) => (q + 16 * f('qh')[e]!) * f('d')[0]! + f('m')[0]!)],
  ['Q8_0', [0], (f) => f('qs').map((q) => q * f('d')[0]!)],
];

describe('fields', () => {
  it.each(FORMULAS)('of %s give its values by the formula', (type, halves, formula) => {
    for (let seed = 0; seed < 20; seed++) {
      const block = finiteBlock(type, halves, seed);
      const values = formula((name) => fieldValues(type, block, name)).map(Math.fround);
      expect(values).toEqual(Array.from(decodeBlock(type, block)));
    }
  });

  it.each(FORMULAS)('of %s cover the block without gap or overlap', (type) => {
    const { blockBytes, fields } = supportedFormat(type);
    let end = 0;
    for (const { offset, length } of fields(new Uint8Array(blockBytes))) {
      expect(offset).toBe(end);
      end = offset + length;
    }
    expect(end).toBe(blockBytes);
  });

  it('follow the bit diagram of Q5_1', () => {
    const block = new Uint8Array(24);
    block.set([0x00, 0x3c, 0x00, 0xc0]); // d = 1, m = -2
    block[4 + 1] = 0b0000_0010; // high bit of element 9
    block[8 + 9] = 0x73; // element 9: 3, element 25: 7
    const values = decodeBlock('Q5_1', block);
    expect([values[9], values[25], values[0]]).toEqual([16 + 3 - 2, 7 - 2, -2]);
  });
});
