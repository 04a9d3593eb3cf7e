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
    ['{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', /leave the file, which has 8 bytes/],
    ['{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', /shape\[0\] is -1; a size.* expected/],
    ['{"x":{"dtype":"BOOL","shape":[1],"data_offsets":[4,0]}}', /bytes 4…0 are -4/],
    ['{"x":{"dtype":"constructor","shape":[1],"data_offsets":[0,16]}}', /leave the file/],
    ['{"x":{"dtype":"F32","shape":[1]}}', /x: "data_offsets" is missing/],
    ['{"x":3}', /tensor x: its entry is 3; an object expected/],
    ['[]', /the document is \[\]; an object expected/],
    ['{', /no JSON/],
    [`{"x":${'['.repeat(99)}${']'.repeat(99)}}`, /nested deeper than 64/],
  ])('refuses %s', (json, message) => {
    expect(() => parseHeader(json, 8, 'f')).toThrow(QuarrelError);
    expect(() => parseHeader(json, 8, 'f')).toThrow(message);
  });

  // What the format's own library (safetensors 0.8.0 in Rust) refuses of the same files.
  it.each([
    ['a key twice', { a: [0, 4] }, 8, /key "a" comes twice, again at character \d+/],
    ['a key twice, the same bytes', { a: [0, 4] }, 4, /comes twice/],
    ['an overlap', { a: [0, 8], b: [4, 12] }, 12, /tensor b begins at byte 4, inside the data of a \(0…8\)/],
    ['the same bytes for two', { a: [0, 4], b: [0, 4] }, 4, /tensor b begins at byte 0, inside the data of a/],
    ['a gap', { a: [0, 4], b: [8, 12] }, 12, /bytes 4…8 of the data belong to no tensor/],
    ['a gap before the first', { a: [4, 8] }, 8, /bytes 0…4 of the data belong to no tensor/],
    ['bytes behind the last', { a: [0, 4] }, 12, /bytes 4…12 of the data belong to no tensor/],
    ['bytes and no tensor', {}, 4, /bytes 0…4 of the data belong to no tensor/],
  ] as const)('refuses %s', (what, ranges, dataLength, message) => {
    const entries = Object.entries<readonly [number, number]>(ranges).map(
      ([key, [begin, end]]) =>
        `"${key}":{"dtype":"F32","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]}`,
    );
    const all = what.startsWith('a key twice') ? [...entries, ...entries] : entries;
    expect(() => parseHeader(`{${all.join()}}`, dataLength, 'f')).toThrow(message);
  });

  it('keeps names that other code has a meaning for', () => {
    const one = '{"dtype":"F32","shape":[1],"data_offsets":';
    const header = parseHeader(`{"__proto__":${one}[0,4]},"constructor":${one}[4,8]}}`, 8, 'f');
    expect([...header.entries.keys()]).toEqual(['__proto__', 'constructor']);
  });

  it('sets aside a tensor of a type that is not read', () => {
    const json =
      '{"mask":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}';
    const { entries, unreadable } = parseHeader(json, 8, 'f');
    expect([[...entries.keys()], [...unreadable]]).toEqual([['x'], [['mask', 'BOOL']]]);
    const named = parseHeader(json.replace('BOOL', 'constructor'), 8, 'f');
    expect([...named.unreadable]).toEqual([['mask', 'constructor']]);
  });

  it('refuses a header longer than the file', () => {
    const prefix = new Uint8Array(8).fill(0xff);
    expect(() => headerLength(prefix, 100, 'f')).toThrow(/header length at byte 0 is 18446744073709551615, the file/);
    expect(() => headerLength(new Uint8Array(3), 3, 'f')).toThrow(/3 bytes/);
  });

  it.each([
    ['\x93NUMPY\x01\0v\0', /this is a NumPy array \(\.npy\): docs\/trace-format\.md/],
    ['PK\x03\x04' + '\0'.repeat(22) + '\x08\0\0\0embd.npy', /this is NumPy arrays \(\.npz\)/],
    ['PK\x03\x04' + '\0'.repeat(22) + '\x10\0\0\0archive/data.pkl', /this is a PyTorch file \(\.pt\)/],
    ['\x80\x02\x8a\x0al\xfc\x9cF\xf9 ', /this is a PyTorch file/],
    ['\x89HDF\r\n\x1a\n', /this is an HDF5 file/],
    ['{"embd": [1, 2]}', /this is JSON/],
    ['GGUF\x03\0\0\0', /this is a GGUF model/],
    ['common_debug_cb_eval: embd = (f32)', /this is plain text/],
    ['\x1f\x8b\x08\0\0\0\0\0', /this is gzip-compressed: unpack it first/],
    ['version https://git-lfs.github.com/spec/v1', /this is a Git LFS pointer.* "git lfs pull"/],
  ])('names the kind of %j', (beginning, message) => {
    const bytes = Uint8Array.from(beginning, (c) => c.charCodeAt(0));
    expect(() => headerLength(bytes, 5000, 'f')).toThrow(message);
  });

  it('reverses ne into a shape and back', () => {
    expect(shapeOfNe([64, 4, 5, 1])).toEqual([5, 4, 64]);
    expect(shapeOfNe([1, 1, 1, 1])).toEqual([1]);
    expect(neOfShape([5, 4, 64])).toEqual([64, 4, 5, 1]);
    expect(neOfShape([1, 2, 3, 4, 5])).toBeUndefined();
  });
});
