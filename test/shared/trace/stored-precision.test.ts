import { describe, expect, it } from 'vitest';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../../src/shared/base/float-bits';
import { seededRandom } from '../../../src/shared/base/random';
import { narrowestType, storedPrecision } from '../../../src/shared/trace/stored-precision';

const random = seededRandom(3);
const plain = Float32Array.from({ length: 300 }, () => random.normal());
const half = plain.map((x) => f16ToF32(f32ToF16(x * 2 ** -12)));
const brain = plain.map((x) => bf16ToF32(f32ToBf16(x)));

describe('the type that values were stored in', () => {
  it('is the narrowest that holds every one, subnormals of f16 included', () => {
    expect(narrowestType(half)).toBe('F16');
    expect(narrowestType(brain)).toBe('BF16');
    expect(narrowestType(plain)).toBe('F32');
  });

  it('is not told from a few values, zeros or infinities', () => {
    expect(narrowestType(Float32Array.from([1, 2, 0.5]))).toBeUndefined();
    expect(narrowestType(new Float32Array(100))).toBeUndefined();
    expect(narrowestType(new Float32Array(100).fill(-Infinity))).toBeUndefined();
  });

  it('is said of a dump where most checkpoints are so, and only of those', () => {
    const of = { a: brain, b: brain, c: plain };
    const read = (key: string): Float32Array => of[key as keyof typeof of];
    expect(storedPrecision(Object.keys(of), read)).toEqual({
      type: 'BF16',
      count: 2,
      of: 3,
      keys: new Set(['a', 'b']),
    });
    expect(storedPrecision(['a', 'c'], read)).toBeUndefined();
  });
});
