import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../src/shared/base/float-bits';
import type { Dims } from '../../../src/shared/graph/graph';
import {
  build,
  complaint,
  countOf,
  elementAt,
  floatBits,
  gappedStrides,
  randomValues,
  runOp,
  tensor,
  transposedStrides,
} from './op-helpers';

const OPERATORS = {
  ADD: (a: number, b: number) => a + b,
  SUB: (a: number, b: number) => a - b,
  MUL: (a: number, b: number) => a * b,
  DIV: (a: number, b: number) => a / b,
} as const;
const kinds = Object.keys(OPERATORS) as (keyof typeof OPERATORS)[];

const BROADCASTS: readonly (readonly [string, Dims, Dims])[] = [
  ['equal shapes', [5, 3, 2, 2], [5, 3, 2, 2]],
  ['a row for all rows', [7, 4, 3, 1], [7, 1, 1, 1]],
  ['a column', [7, 4, 1, 1], [1, 4, 1, 1]],
  ['one value', [5, 3, 2, 1], [1, 1, 1, 1]],
  ['a part of the row, twice', [6, 2, 1, 1], [3, 1, 1, 1]],
  ['every dimension repeated', [4, 6, 4, 2], [2, 3, 2, 1]],
];

describe.each(kinds)('%s', (kind) => {
  it.each(BROADCASTS)('repeats the second operand: %s', (_name, ne, bNe) => {
    const a = randomValues(countOf(ne), 11);
    const b = randomValues(countOf(bNe), 12);
    const expected = build(ne, (i) => OPERATORS[kind](elementAt(a, ne, i), elementAt(b, bNe, i)));
    expect(runOp({ kind, ne, src: [tensor(ne, a), tensor(bNe, b)] })).toEqual(expected);
  });

  it('reads gaps and transposed memory and writes at an offset', () => {
    const ne: Dims = [5, 3, 2, 2];
    const a = randomValues(60, 21);
    const b = randomValues(60, 22);
    const expected = build(ne, (i) => OPERATORS[kind](elementAt(a, ne, i), elementAt(b, ne, i)));
    const src = [
      tensor(ne, a, { nb: gappedStrides('F32', ne), offset: 12 }),
      tensor(ne, b, { nb: transposedStrides('F32', ne), offset: 4 }),
    ];
    const dst = tensor(ne, [], { nb: gappedStrides('F32', ne), offset: 8 });
    expect(runOp({ kind, ne, src, dst })).toEqual(expected);
  });

  it('rounds an f16 result once', () => {
    const ne: Dims = [8, 1, 1, 1];
    const a = randomValues(8, 31).map((x) => f16ToF32(f32ToF16(x)));
    const b = randomValues(8, 32);
    const expected = build(ne, ([i]) => f16ToF32(f32ToF16(Math.fround(OPERATORS[kind](a[i]!, b[i]!)))));
    const dst = tensor(ne, [], { type: 'F16' });
    expect(runOp({ kind, ne, src: [tensor(ne, a, { type: 'F16' }), tensor(ne, b)], dst })).toEqual(expected);
  });

  it('keeps Inf and NaN', () => {
    const ne: Dims = [4, 1, 1, 1];
    const a = [Infinity, -Infinity, NaN, 0];
    const b = [Infinity, 1, 1, NaN];
    const expected = Float32Array.from(a, (x, i) => OPERATORS[kind](x, b[i]!));
    expect(runOp({ kind, ne, src: [tensor(ne, a), tensor(ne, b)] })).toEqual(expected);
  });
});

describe('SCALE', () => {
  it.each([
    [0.125, 0],
    [-3.7, 0.25],
  ])('computes x × %d + %d', (scale, bias) => {
    const ne: Dims = [9, 2, 2, 1];
    const x = randomValues(36, 41);
    const [s, b] = [Math.fround(scale), Math.fround(bias)];
    const expected = x.map((v) => v * s + b);
    const src = [tensor(ne, x, { nb: gappedStrides('F32', ne) })];
    expect(runOp({ kind: 'SCALE', ne, src, params: [floatBits(scale), floatBits(bias)] })).toEqual(expected);
  });
});

describe('functions with parameters', () => {
  const ne: Dims = [6, 1, 1, 1];
  const src = [tensor(ne, [-3, -0.5, 0, 0.5, 3, NaN])];

  it('CLAMP turns NaN into the upper bound', () => {
    const params = [floatBits(-1), floatBits(2)];
    expect([...runOp({ kind: 'CLAMP', ne, src, params })]).toEqual([-1, -0.5, 0, 0.5, 2, 2]);
  });

  it('LEAKY_RELU turns NaN into 0', () => {
    const got = runOp({ kind: 'LEAKY_RELU', ne, src, params: [floatBits(0.5)] });
    expect(got).toEqual(Float32Array.of(-1.5, -0.25, 0, 0.5, 3, 0));
  });
});

describe('shape rules', () => {
  const a = tensor([6, 2, 1, 1], []);

  it('names what cannot be repeated', () => {
    const b = tensor([4, 1, 1, 1], []);
    expect(complaint({ kind: 'ADD', ne: [6, 2, 1, 1], src: [a, b] })).toBe(
      'not measured: ADD (source 1 [4, 1, 1, 1] cannot be repeated to [6, 2, 1, 1])',
    );
  });

  it('names a missing source and another extent', () => {
    expect(complaint({ kind: 'MUL', ne: [6, 2, 1, 1], src: [a] })).toContain('source 1 is missing');
    expect(complaint({ kind: 'MUL', ne: [6, 3, 1, 1], src: [a, a] })).toContain(
      'source 0 is [6, 2, 1, 1]; [6, 3, 1, 1]',
    );
  });

  it('wants a single value for ADD1', () => {
    const b = tensor([6, 1, 1, 1], []);
    expect(complaint({ kind: 'ADD1', ne: [6, 2, 1, 1], src: [a, b] })).toContain('[1, 1, 1, 1] is expected');
  });

  it('computes empty tensors', () => {
    const empty = tensor([4, 0, 1, 1], []);
    expect(runOp({ kind: 'SCALE', ne: [4, 0, 1, 1], src: [empty], params: [floatBits(2), 0] })).toHaveLength(0);
  });
});
