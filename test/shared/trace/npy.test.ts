import { describe, expect, it } from 'vitest';
import { npyHeader } from '../../../src/shared/trace/npy';

describe('npyHeader', () => {
  // What numpy.lib.format.write_array_header_1_0 writes for np.zeros(shape, '<f4').
  it.each([
    [[256], '(256,)'],
    [[2, 3], '(2, 3)'],
    [[1, 2, 3, 4], '(1, 2, 3, 4)'],
  ])('shape %j', (shape, tuple) => {
    const header = npyHeader(shape);
    expect(Array.from(header.subarray(0, 8))).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
    expect(header.length % 64).toBe(0);
    expect(header[8]! + 256 * header[9]!).toBe(header.length - 10);
    const text = new TextDecoder().decode(header.subarray(10));
    expect(text.trimEnd()).toBe(`{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`);
    expect(text.endsWith('\n')).toBe(true);
  });
});
