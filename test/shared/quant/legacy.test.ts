import { describe, expect, it } from 'vitest';
import { decodeBlock } from '../../helpers/blocks';
import { describeDecoder, describeFormula } from '../../helpers/decoder-suite';

for (const type of ['Q1_0', 'Q2_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0'] as const) describeDecoder(type);

const fround = Math.fround;

describeFormula('Q1_0', (f) => f('qs').map((q) => (q === 1 ? f('d')[0]! : -f('d')[0]!)));
describeFormula('Q2_0', (f) => f('qs').map((q) => (q - 1) * f('d')[0]!));
describeFormula('Q4_0', (f) => f('qs').map((q) => (q - 8) * f('d')[0]!));
describeFormula('Q4_1', (f) => f('qs').map((q) => fround(q * f('d')[0]! + f('m')[0]!)));
describeFormula('Q5_0', (f) => f('qs').map((q, e) => (q + 16 * f('qh')[e]! - 16) * f('d')[0]!));
describeFormula('Q5_1', (f) => f('qs').map((q, e) => fround((q + 16 * f('qh')[e]!) * f('d')[0]! + f('m')[0]!)));
describeFormula('Q8_0', (f) => f('qs').map((q) => q * f('d')[0]!));

describe('codes', () => {
  it('of Q5_1 lie where the bit diagram says', () => {
    const block = new Uint8Array(24);
    block.set([0x00, 0x3c, 0x00, 0xc0]); // d = 1, m = -2
    block[4 + 1] = 0b0000_0010; // high bit of element 9
    block[8 + 9] = 0x73; // element 9: 3, element 25: 7
    const values = decodeBlock('Q5_1', block);
    expect([values[9], values[25], values[0]]).toEqual([16 + 3 - 2, 7 - 2, -2]);
  });

  it('of Q1_0 and Q2_0 start at the low bits', () => {
    const block = new Uint8Array(18);
    block.set([0x00, 0x3c]); // d = 1
    block[2 + 3] = 0b0000_0110; // Q1_0: elements 25 and 26; Q2_0: element 12 is 2, element 13 is 1
    const bits = decodeBlock('Q1_0', block);
    expect(Array.from(bits.subarray(24, 28))).toEqual([-1, 1, 1, -1]);
    const pairs = decodeBlock('Q2_0', block);
    expect(Array.from(pairs.subarray(11, 15))).toEqual([-1, 1, 0, -1]);
  });
});
