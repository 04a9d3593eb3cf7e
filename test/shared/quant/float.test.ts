import { describe, expect, it } from 'vitest';
import { BF16, F16, F32, F64 } from '../../../src/shared/quant/float';
import { differences, describeDecoder, describeWindows } from '../../helpers/decoder-suite';
import { randomBytes } from '../../helpers/random';

describeDecoder('F16', { exactNaN: true });
describeDecoder('BF16', { exactNaN: true });
describeWindows('F32');
describeWindows('F64');

describe('F32', () => {
  it('copies bits, NaN payloads included', () => {
    const bytes = randomBytes(4 * 10_000, 8);
    const out = new Float32Array(10_000);
    F32.dequantize(bytes, 0, 10_000, out, 0);
    expect(differences(out, new Float32Array(bytes.buffer), true)).toEqual([]);
  });
});

describe('F64', () => {
  it('is rounded once, ties to even', () => {
    const rounded: readonly (readonly [number, number])[] = [
      [1 + 2 ** -24, 1],
      [1 + 2 ** -24 + 2 ** -52, 1 + 2 ** -23],
      [1 + 3 * 2 ** -24, 1 + 2 ** -22],
      [-0, -0],
      [2 ** -150, 0],
      [-(2 ** -150) * (1 + 2 ** -52), -(2 ** -149)],
      [2 ** 128 - 2 ** 103, Infinity],
      [2 ** 128 - 2 ** 103 - 2 ** 75, 2 ** 128 - 2 ** 104],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ];
    const out = new Float32Array(rounded.length);
    F64.dequantize(new Uint8Array(Float64Array.from(rounded, ([x]) => x).buffer), 0, rounded.length, out, 0);
    expect(Array.from(out)).toEqual(rounded.map(([, y]) => y));
  });
});

describe('fields', () => {
  it('show the one value', () => {
    expect(F32.fields(new Uint8Array([0, 0, 0xc0, 0x3f]))).toEqual([
      { name: 'value', offset: 0, length: 4, values: [1.5] },
    ]);
    expect(F64.fields(new Uint8Array(new Float64Array([1 / 3]).buffer))[0]?.values).toEqual([1 / 3]);
    expect(F16.fields(new Uint8Array([0x00, 0x3e]))[0]?.values).toEqual([1.5]);
    expect(BF16.fields(new Uint8Array([0xc0, 0x3f]))[0]?.values).toEqual([1.5]);
  });
});
