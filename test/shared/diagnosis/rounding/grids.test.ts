import { describe, expect, it } from 'vitest';
import { defined } from '../../../../src/shared/base/assert';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../../../src/shared/base/float-bits';
import { seededRandom } from '../../../../src/shared/base/random';
import {
  blockGrid,
  endCodes,
  F32_GRID,
  floatGrid,
  rangeCodes,
  symmetricCodes,
  TABLE_CODES,
} from '../../../../src/shared/diagnosis/rounding/grids';
import type { Grid } from '../../../../src/shared/diagnosis/rounding/grids';
import { rotatedGrid, widestRotation } from '../../../../src/shared/diagnosis/rounding/hadamard';
import { hasShortMantissas } from '../../../../src/shared/diagnosis/rounding/short-mantissas';
import { supportedFormat } from '../../../../src/shared/quant/registry';
import { loadGgmlBase } from '../../../helpers/ggml-base';
import { runTimeQuantizer, weightRows } from '../../../helpers/quantize';

const random = seededRandom(7);
const values = Float32Array.from({ length: 4096 }, () => random.normal() * 10 ** (6 * random.uniform() - 5));
const ne = [64, 64, 1, 1] as const;

/** Zeros without a sign. */
const unsigned = (v: Float32Array): Float32Array => v.map((x) => x + 0);

describe('float grids', () => {
  it('round to the nearest exactly as f16 and bf16 do, subnormals of f16 too', () => {
    const small = values.map((x) => x * 2 ** -18);
    for (const v of [values, small]) {
      expect(unsigned(floatGrid('F16').nearest(v, ne))).toEqual(unsigned(v.map((x) => f16ToF32(f32ToF16(x)))));
      expect(floatGrid('BF16').nearest(v, ne)).toEqual(v.map((x) => bf16ToF32(f32ToBf16(x))));
    }
  });

  it('dither to one of the two neighbours, leave what is on the grid, and keep the mean', () => {
    const grid = floatGrid('F16');
    const on = grid.nearest(values, ne);
    expect(grid.dithered(on, ne, random)).toEqual(on);
    const many = new Float32Array(20_000).fill(1 + 2 ** -12);
    const dithered = grid.dithered(many, [many.length, 1, 1, 1], random);
    expect(new Set(dithered)).toEqual(new Set([1, 1 + 2 ** -10]));
    const mean = dithered.reduce((a, b) => a + b, 0) / many.length;
    // a quarter of a step of 2^-10, known to 1/200 of it
    expect(Math.abs(mean - many[0]!)).toBeLessThan(2 ** -10 / 50);
  });

  it('know that f32 rounds to half a unit in the last place, anywhere', () => {
    const worst = F32_GRID.dithered(values, ne, random).reduce(
      (most, x, i) => Math.max(most, Math.abs(x - values[i]!) / Math.abs(values[i]!)),
      0,
    );
    expect(worst).toBeGreaterThan(2 ** -26);
    expect(worst).toBeLessThan(2 ** -23);
  });

  it('pass NaN and infinities through', () => {
    const odd = Float32Array.from([NaN, Infinity, -Infinity, 0]);
    expect(floatGrid('F16').dithered(odd, [4, 1, 1, 1], random)).toEqual(odd);
  });
});

describe('block grids', () => {
  it('round each block of a row to codes of its own largest magnitude', () => {
    const rows = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? i : 1000 * i));
    const out = blockGrid(symmetricCodes(8), { length: 32 }).nearest(rows, [64, 1, 1, 1]);
    for (let i = 0; i < 64; i++) expect(Math.abs(out[i]! - rows[i]!)).toBeLessThanOrEqual((i < 32 ? 31 : 63_000) / 254);
    expect(out[31]).toBe(31);
  });

  it('lie along columns where values are transposed, and take what is left of a row', () => {
    const t = Float32Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 100 : 1));
    // columns: one of 100s, two of 1s; along rows the ones would be lost to the codes of 100
    expect(blockGrid(symmetricCodes(4), { length: 32, axis: 1 }).nearest(t, [3, 4, 1, 1])).toEqual(t);
    expect(blockGrid(symmetricCodes(4), { length: 32 }).nearest(t, [3, 4, 1, 1])[1]).toBe(0);
    expect(() => blockGrid(symmetricCodes(8), { length: 0 }).nearest(new Float32Array(), [0, 4, 1, 1])).not.toThrow();
  });
});

describe("ggml's cache types", () => {
  const bind = loadGgmlBase();
  const TYPES = { Q8_0: symmetricCodes(8), Q5_1: rangeCodes(5), Q5_0: endCodes(5), Q4_1: rangeCodes(4) } as const;
  const ALL = { ...TYPES, Q4_0: endCodes(4), IQ4_NL: TABLE_CODES } as const;
  const quantizable = weightRows(12, 64, 5);

  it.skipIf(!bind).each(Object.entries(ALL))('%s: codes of the library’s own quantizer', (name, codes) => {
    const type = name as keyof typeof ALL;
    const blocks = runTimeQuantizer(defined(bind, 'libggml-base'))(type, quantizable, 64);
    const theirs = new Float32Array(quantizable.length);
    supportedFormat(type).dequantize(blocks, 0, quantizable.length / 32, theirs, 0);
    const ours = blockGrid(codes, { length: 32, scale: 'F16' }).nearest(quantizable, [64, 12, 1, 1]);
    // the library multiplies with a rounded 1/step: next to half a code it may take the other neighbour
    const off = ours.filter((x, i) => Math.abs(x - theirs[i]!) > 2 ** -20 * Math.abs(theirs[i]!) && Math.abs(x) > 1e-6);
    expect(off.length).toBeLessThanOrEqual(2);
  });
});

describe('rotated blocks', () => {
  const rows = values.map((x, i) => (i % 64 === 3 ? 40 : x / 1e4));
  const energy = (v: Float32Array): number => v.reduce((sum, x, i) => sum + (x - rows[i]!) ** 2, 0);

  it('spread an outlier: what is small beside it survives', () => {
    const plain = blockGrid(symmetricCodes(4), { length: 32 });
    const turned = rotatedGrid(plain, 64, 0);
    expect(turned.name).toBe('4-bit blocks of 32, rotated');
    expect(turned.nearest(rows, ne)).not.toEqual(plain.nearest(rows, ne));
    // without blocks it is the rotation there and back
    const exact: Grid = { ...plain, nearest: (v) => v };
    expect(energy(rotatedGrid(exact, 64, 0).nearest(rows, ne))).toBeLessThan(1e-9);
  });

  it('lie along either axis, as far as the largest power of two', () => {
    const transposed = (v: Float32Array): Float32Array => v.map((_, i) => v[64 * (i % 64) + Math.floor(i / 64)]!);
    const of = (axis: 0 | 1, v: Float32Array): Float32Array =>
      rotatedGrid(blockGrid(symmetricCodes(8), { length: 32, axis }), 64, axis).nearest(v, ne);
    expect(of(1, transposed(rows))).toEqual(transposed(of(0, rows)));
    expect([128, 96, 80, 64].map(widestRotation)).toEqual([128, 32, 16, 64]);
  });
});

describe('short mantissas', () => {
  it('tell sums in 16 bits, and a few of those added up, from any other f32', () => {
    const half = values.map((x) => f16ToF32(f32ToF16(x)));
    expect(hasShortMantissas(half)).toBe(true);
    expect(hasShortMantissas(half.map((x, i) => x + half[(i + 1) % half.length]! / 2))).toBe(true);
    expect(hasShortMantissas(values)).toBe(false);
    expect(hasShortMantissas(new Float32Array(8))).toBe(false);
  });
});
