import { describe, expect, it } from 'vitest';
import { bytesToF32 } from '../../../src/shared/trace/widen';

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe('checkpoints as f32', () => {
  it.each([
    ['F64', Float64Array.of(1 / 3, -2, NaN), [Math.fround(1 / 3), -2, NaN]],
    ['F32', Float32Array.of(0.5, -0), [0.5, -0]],
    ['F16', Uint16Array.of(0x3c00, 0x0001), [1, 2 ** -24]],
    ['BF16', Uint16Array.of(0xc000), [-2]],
    // 2⁻⁹, 1, 448, NaN, −0 …: the table of OCP's "8-bit floating point specification", E4M3
    ['F8_E4M3', Uint8Array.of(0x01, 0x38, 0x7e, 0x7f, 0x80, 0xb8, 0x08), [2 ** -9, 1, 448, NaN, -0, -1, 2 ** -6]],
    ['F8_E5M2', Uint8Array.of(0x01, 0x3c, 0x7b, 0x7c, 0x7d, 0xbc), [2 ** -16, 1, 57344, Infinity, NaN, -1]],
    ['I64', BigInt64Array.of(-7n, 2n ** 40n), [-7, 2 ** 40]],
    ['U64', BigUint64Array.of(2n ** 63n), [2 ** 63]],
    ['I32', Int32Array.of(-7), [-7]],
    ['U32', Uint32Array.of(2 ** 31), [2 ** 31]],
    ['I16', Int16Array.of(-300), [-300]],
    ['U16', Uint16Array.of(65535), [65535]],
    ['I8', Int8Array.of(-128), [-128]],
    ['U8', Uint8Array.of(255), [255]],
  ] as const)('%s', (dtype, values, expected) => {
    expect(Array.from(bytesToF32(dtype, bytesOf(values)))).toEqual(expected);
  });
});
