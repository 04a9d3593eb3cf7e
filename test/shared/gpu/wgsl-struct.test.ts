import { describe, expect, it } from 'vitest';
import { QuarrelError } from '../../../src/shared/base/errors';
import { packStruct, parseStruct } from '../../../src/shared/gpu/wgsl-struct';

const SOURCE = `
// struct Params { commented: out, }
struct Inner { // three fields
  a: vec4<u32>,
  b: f32,
}
struct Flag { is: bool, }
struct Params {
  first: u32, // 0
  pair: vec2<f32>, // 8
  triple: vec3<i32>, // 16
  after: f32, // 28
  inner: Inner, // 32, 32 bytes long
  last: u32 // 64
}
`;

describe('parseStruct', () => {
  it('lays fields out as WGSL does in the uniform address space', () => {
    const { size, fields } = parseStruct(SOURCE, 'Params');
    expect(fields.map(({ name, offset }) => [name, offset])).toEqual([
      ['first', 0],
      ['pair', 8],
      ['triple', 16],
      ['after', 28],
      ['inner', 32],
      ['last', 64],
    ]);
    expect(size).toBe(80);
  });

  it('refuses what cannot lie in a uniform buffer', () => {
    expect(() => parseStruct(SOURCE, 'Flag')).toThrow(/cannot lie in a uniform buffer/);
    expect(() => parseStruct(SOURCE, 'Absent')).toThrow('no struct Absent');
  });
});

describe('packStruct', () => {
  const struct = parseStruct(SOURCE, 'Params');
  const values = {
    first: 1,
    pair: [0.5, -2],
    triple: [-1, 2, 3],
    after: 1.5,
    inner: { a: [5, 6, 7, 8], b: 9.25 },
    last: 7,
  };

  it('writes every field at its place', () => {
    const view = new DataView(new ArrayBuffer(struct.size));
    packStruct(struct, values, view);
    expect(view.getUint32(0, true)).toBe(1);
    expect([8, 12].map((at) => view.getFloat32(at, true))).toEqual([0.5, -2]);
    expect([16, 20, 24].map((at) => view.getInt32(at, true))).toEqual([-1, 2, 3]);
    expect(view.getFloat32(28, true)).toBe(1.5);
    expect([32, 36, 40, 44].map((at) => view.getUint32(at, true))).toEqual([5, 6, 7, 8]);
    expect(view.getFloat32(48, true)).toBe(9.25);
    expect(view.getUint32(64, true)).toBe(7);
  });

  it('refuses missing fields, unknown fields, and values that do not fit', () => {
    const view = new DataView(new ArrayBuffer(struct.size));
    const without = Object.fromEntries(Object.entries(values).filter(([name]) => name !== 'last'));
    expect(() => packStruct(struct, without, view)).toThrow(QuarrelError);
    expect(() => packStruct(struct, { ...values, more: 1 }, view)).toThrow('Params lack the field more');
    expect(() => packStruct(struct, { ...values, last: -1 }, view)).toThrow('last = -1 is no u32');
    expect(() => packStruct(struct, { ...values, last: 2 ** 32 }, view)).toThrow('is no u32');
    expect(() => packStruct(struct, { ...values, triple: [1, 2] }, view)).toThrow('3 components, got 2');
  });
});
