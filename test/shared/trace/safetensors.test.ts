import { describe, expect, it } from 'vitest';

import { QuarrelError } from '../../../src/shared/base/errors';
import {
  encodeHeader,
  headerLength,
  LENGTH_PREFIX_BYTES,
  neOfShape,
  parseHeader,
  shapeOfNe,
} from '../../../src/shared/trace/safetensors';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(LENGTH_PREFIX_BYTES));

describe('safetensors header', () => {
  it('reads back what it wrote, padded to 8 bytes', () => {
    const entry = { key: 'Qcur-0#1', dtype: 'F16', shape: [5, 4, 64], begin: 0, end: 2560 } as const;
    const bytes = encodeHeader({ tokens: '[1,2]', engine: 'e' }, [entry]);
    expect(bytes.length % 8).toBe(0);
    expect(headerLength(bytes, bytes.length + 2560, 'f')).toBe(bytes.length - LENGTH_PREFIX_BYTES);
    const header = parseHeader(text(bytes), 2560, 'f');
    expect(header.metadata).toEqual({ tokens: '[1,2]', engine: 'e' });
    expect(header.entries.get('Qcur-0#1')).toEqual(entry);
  });

  it.each([
    ['{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', /x: bytes 0…4 are 4, shape \[2\] of F32 needs 8/],
    ['{"x":{"dtype":"F8","shape":[2],"data_offsets":[0,2]}}', /dtype "F8"/],
    ['{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', /leave the file, which has 8 bytes/],
    ['{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', /shape \[-1\] is no list of sizes/],
    ['{"x":3}', /no object/],
    ['{', /no JSON/],
  ])('refuses %s', (json, message) => {
    expect(() => parseHeader(json, 8, 'f')).toThrow(QuarrelError);
    expect(() => parseHeader(json, 8, 'f')).toThrow(message);
  });

  it('refuses a header longer than the file', () => {
    const prefix = new Uint8Array(8).fill(0xff);
    expect(() => headerLength(prefix, 100, 'f')).toThrow(/not a safetensors file/);
    expect(() => headerLength(new Uint8Array(3), 3, 'f')).toThrow(/3 bytes/);
  });

  it('reverses ne into a shape and back', () => {
    expect(shapeOfNe([64, 4, 5, 1])).toEqual([5, 4, 64]);
    expect(shapeOfNe([1, 1, 1, 1])).toEqual([1]);
    expect(neOfShape([5, 4, 64])).toEqual([64, 4, 5, 1]);
    expect(neOfShape([1, 2, 3, 4, 5])).toBeUndefined();
  });
});
