import { describe, expect, it } from 'vitest';
import { BF16, F16, F32 } from '../../../src/shared/quant/float';
import { differences, describeDecoder } from '../../helpers/decoder-suite';
import { randomBytes } from '../../helpers/random';

describeDecoder('F16', [0], { exactNaN: true });
describeDecoder('BF16', [0], { exactNaN: true });

describe('F32', () => {
  it('copies bits, NaN payloads included', () => {
    const bytes = randomBytes(4 * 10_000, 8);
    const out = new Float32Array(10_000);
    F32.dequantize(bytes, 0, 10_000, out, 0);
    expect(differences(out, new Float32Array(bytes.buffer), true)).toEqual([]);
  });
});

describe('fields', () => {
  it('show the one value', () => {
    expect(F32.fields(new Uint8Array([0, 0, 0xc0, 0x3f]))).toEqual([
      { name: 'value', offset: 0, length: 4, values: [1.5] },
    ]);
    expect(F16.fields(new Uint8Array([0x00, 0x3e]))[0]?.values).toEqual([1.5]);
    expect(BF16.fields(new Uint8Array([0xc0, 0x3f]))[0]?.values).toEqual([1.5]);
  });
});
