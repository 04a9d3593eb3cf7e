import { describe, expect, it } from 'vitest';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { fieldValues } from '../../helpers/blocks';
import { describeDecoder, describeFormula, describeWindows, differences } from '../../helpers/decoder-suite';
import { ggmlRowDecoder, loadGgmlBase } from '../../helpers/ggml-base';
import { blocksWithScales } from '../../helpers/scales';

const bind = loadGgmlBase();

describeDecoder('Q8_K');
describeWindows('Q8_1');

describeFormula('Q8_1', (f) => f('qs').map((q) => q * f('d')[0]!));
describeFormula('Q8_K', (f) => f('qs').map((q) => Math.fround(f('d')[0]! * q)));

describe.skipIf(!bind)('Q8_1 against libggml-base', () => {
  it('decodes as Q8_0 does with the same d and codes, for every d', () => {
    if (!bind) return;
    const blocks = 0x10000;
    const bytes = blocksWithScales('Q8_1', blocks, 31, (slot, b) => (slot === 0 ? b : 0x3c00));
    const packed = new Uint8Array(blocks * 34);
    for (let b = 0; b < blocks; b++) {
      packed.set(bytes.subarray(36 * b, 36 * b + 2), 34 * b);
      packed.set(bytes.subarray(36 * b + 4, 36 * b + 36), 34 * b + 2);
    }
    const theirs = new Float32Array(blocks * 32);
    ggmlRowDecoder(bind, 'Q8_0')(packed, theirs);
    const ours = new Float32Array(blocks * 32);
    supportedFormat('Q8_1').dequantize(bytes, 0, blocks, ours, 0);
    expect(differences(ours, theirs, false)).toEqual([]);
  });
});

describe('sums', () => {
  it('of Q8_1 and Q8_K are shown as stored', () => {
    const q8_1 = new Uint8Array(36);
    q8_1.set([0x00, 0xc0], 2);
    expect(fieldValues('Q8_1', q8_1, 's')).toEqual([-2]);
    const q8k = new Uint8Array(292);
    q8k.set([0xfe, 0xff], 260 + 2 * 15);
    expect(fieldValues('Q8_K', q8k, 'bsums')).toEqual([...Array<number>(15).fill(0), -2]);
  });
});
