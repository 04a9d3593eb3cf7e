/**
 * Header of NumPy's .npy files, version 1.0. Source: numpy/lib/format.py, "Format Version 1.0":
 *
 *   byte 0…5   \x93NUMPY
 *   byte 6 7   version 1, 0
 *   byte 8 9   bytes of the text that follows, u16 low byte first
 *   byte 10…   a Python dict of descr, fortran_order and shape, padded with blanks and ended by \n so that the data
 *              start at a multiple of 64
 */
import { assert } from '../base/assert';

const PREFIX_BYTES = 10;
const DATA_ALIGNMENT = 64;

/** @param shape outermost dimension first, as in NumPy; the f32 that follow are little-endian, in C order */
export function npyHeader(shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const bytes = Math.ceil((PREFIX_BYTES + dict.length + 1) / DATA_ALIGNMENT) * DATA_ALIGNMENT;
  const textBytes = bytes - PREFIX_BYTES;
  assert(textBytes < 0x10000, `a shape of ${shape.length} dimensions does not fit version 1.0`);
  const header = new Uint8Array(bytes).fill(0x20);
  header.set([0x93, ...Array.from('NUMPY', (c) => c.charCodeAt(0)), 1, 0, textBytes & 0xff, textBytes >> 8]);
  header.set(new TextEncoder().encode(dict), PREFIX_BYTES);
  header[bytes - 1] = 0x0a;
  return header;
}
