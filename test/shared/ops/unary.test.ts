import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../src/shared/base/float-bits';
import type { Dims } from '../../../src/shared/graph/graph';
import { erf, erfc } from '../../../src/shared/ops/erf';
import type { UnaryKind } from '../../../src/shared/ops/unary';
import { floatBits, gappedStrides, nmse, randomValues, runOp, tensor } from './op-helpers';

const X = [-30, -10, -4, -1.5, -0.5, -1e-3, 0, 1e-3, 0.5, 1.5, 2.5, 4, 10, 30];
const ne: Dims = [X.length, 1, 1, 1];

const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
const EXPECTED: Readonly<Record<Exclude<UnaryKind, 'XIELU'>, (x: number) => number>> = {
  ABS: (x) => Math.abs(x),
  SGN: (x) => Math.sign(x),
  NEG: (x) => -x,
  STEP: (x) => (x > 0 ? 1 : 0),
  TANH: (x) => Math.tanh(x),
  ELU: (x) => (x > 0 ? x : Math.exp(x) - 1),
  RELU: (x) => Math.max(x, 0),
  SIGMOID: sigma,
  GELU: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  GELU_QUICK: (x) => x * sigma(1.702 * x),
  SILU: (x) => x * sigma(x),
  HARDSWISH: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  HARDSIGMOID: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
  EXP: (x) => Math.exp(x),
  EXPM1: (x) => Math.exp(x) - 1,
  SOFTPLUS: (x) => Math.log(1 + Math.exp(x)),
  GELU_ERF: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  FLOOR: (x) => Math.floor(x),
  CEIL: (x) => Math.ceil(x),
  ROUND: (x) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5),
  TRUNC: (x) => Math.trunc(x),
};

describe.each(Object.keys(EXPECTED) as (keyof typeof EXPECTED)[])('%s', (kind) => {
  const expected = Float32Array.from(X, (x) => EXPECTED[kind](Math.fround(x)));

  it('follows its formula', () => {
    const src = [tensor(ne, X, { nb: gappedStrides('F32', ne), offset: 4 })];
    expect(nmse(runOp({ kind, ne, src }), expected)).toBeLessThan(1e-14);
  });

  it('is near it in ggml arithmetic', () => {
    const got = runOp({ kind, ne, src: [tensor(ne, X)], arithmetic: 'ggml' });
    // GELU and GELU_QUICK pass through f16.
    expect(nmse(got, expected)).toBeLessThan(kind.startsWith('GELU') ? 1e-6 : 1e-13);
  });
});

describe('XIELU', () => {
  it('has its own parameters', () => {
    const [alphaN, alphaP, beta, eps] = [0.75, 1.25, 0.5, -1e-6];
    const params = [0, floatBits(alphaN), floatBits(alphaP), floatBits(beta), floatBits(eps)];
    const expected = Float32Array.from(X, (v) => {
      const x = Math.fround(v);
      const e = Math.fround(eps);
      return x > 0 ? alphaP * x * x + beta * x : (Math.expm1(Math.min(x, e)) - x) * alphaN + beta * x;
    });
    expect(nmse(runOp({ kind: 'XIELU', ne, src: [tensor(ne, X)], params }), expected)).toBeLessThan(1e-14);
  });
});

describe('GELU in ggml arithmetic', () => {
  it('looks f16 values up in a table of f16 values, and has asymptotes beyond ±10', () => {
    const values = Float32Array.from([...randomValues(64, 4).map((v) => v * 12), 10, -10, 9.999, 200, -200, NaN]);
    const shape: Dims = [values.length, 1, 1, 1];
    const half = (x: number): number => f16ToF32(f32ToF16(x));
    const expected = values.map((x) => (x <= -10 ? 0 : x >= 10 ? x : half(EXPECTED.GELU(half(x)))));
    expect(runOp({ kind: 'GELU', ne: shape, src: [tensor(shape, values)], arithmetic: 'ggml' })).toEqual(expected);
  });
});

describe('erf', () => {
  // As C's erf (glibc) gives them; the method changes at 3.
  it.each([
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.999, 0.9999777698314002],
    [3.001, 0.9999780483390822],
    [5, 0.9999999999984626],
    [40, 1],
  ])('erf %d', (x, value) => {
    expect(erf(x)).toBeCloseTo(value, 13);
    expect(erf(-x)).toBeCloseTo(-value, 13);
  });

  // As C's erfc (glibc) gives them.
  it.each([
    [-1, 1.8427007929497148],
    [2, 0.004677734981047266],
    [5, 1.5374597944280349e-12],
    [10, 2.088487583762545e-45],
  ])('erfc %d keeps its digits', (x, value) => {
    expect(erfc(x) / value).toBeCloseTo(1, 12);
  });

  it('keeps NaN and reaches ±1', () => {
    expect([erf(NaN), erfc(NaN)]).toEqual([NaN, NaN]);
    expect([erf(Infinity), erf(-Infinity)]).toEqual([1, -1]);
  });
});
