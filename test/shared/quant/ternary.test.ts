import { describe, expect, it } from 'vitest';
import { decodeBlock } from '../../helpers/blocks';
import { describeDecoder, describeFormula } from '../../helpers/decoder-suite';

describeDecoder('TQ1_0');
describeDecoder('TQ2_0');

describeFormula('TQ1_0', (f) => [...f('qs'), ...f('qh')].map((t) => (t - 1) * f('d')[0]!));
describeFormula('TQ2_0', (f) => f('qs').map((q) => (q - 1) * f('d')[0]!));

/** The byte that holds trits, first one first: a fraction of 256 in base 3, rounded up. */
function packed(...trits: number[]): number {
  const number = [0, 1, 2, 3, 4].reduce((sum, n) => sum * 3 + (trits[n] ?? 0), 0);
  return Math.ceil((number * 256) / 243);
}

describe('codes', () => {
  it('of TQ1_0 lie where the bit diagram says', () => {
    const block = new Uint8Array(54);
    block.set([0x00, 0x3c], 52); // d = 1; trits 0 are −1
    block[7] = packed(0, 1, 2, 0, 2); // elements 7, 39, 71, 103, 135
    block[32 + 3] = packed(2, 2, 1, 1, 0); // elements 163, 179, 195, 211, 227
    block[48 + 2] = packed(1, 0, 2, 2); // elements 242, 246, 250, 254
    const values = decodeBlock('TQ1_0', block);
    expect([7, 39, 71, 103, 135].map((e) => values[e])).toEqual([-1, 0, 1, -1, 1]);
    expect([163, 179, 195, 211, 227].map((e) => values[e])).toEqual([1, 1, 0, 0, -1]);
    expect([242, 246, 250, 254].map((e) => values[e])).toEqual([0, -1, 1, 1]);
    expect(values.filter((x) => x !== -1).length).toBe(10);
  });

  it('of TQ2_0 lie where the bit diagram says', () => {
    const block = new Uint8Array(66);
    block.set([0x00, 0x3c], 64);
    block[32 + 9] = 0b11_10_01_10; // elements 233, 201, 169, 137
    const values = decodeBlock('TQ2_0', block);
    expect([233, 201, 169, 137].map((e) => values[e])).toEqual([2, 1, 0, 1]);
    expect(values.filter((x) => x !== -1).length).toBe(4);
  });
});
