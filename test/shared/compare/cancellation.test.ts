import { describe, expect, it } from 'vitest';

import type { SummedSource } from '../../../src/shared/compare/cancellation';
import { cancellationNoise } from '../../../src/shared/compare/cancellation';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../src/shared/graph/graph';
import { countOf, randomValues } from '../ops/op-helpers';

const UNIT = 2 ** -24;

const random = (ne: Dims, seed: number): SummedSource => ({ ne, values: randomValues(countOf(ne), seed) });
const of = (ne: Dims, ...values: number[]): SummedSource => ({ ne, values: Float32Array.from(values) });

/** In units of u². */
function noise(kind: OpKind, results: number, ...sources: readonly (SummedSource | undefined)[]): number {
  return cancellationNoise(kind, (i) => sources[i], results) / (UNIT * UNIT);
}

const square = (values: Float32Array): number => values.reduce((sum, v) => sum + v * v, 0);

function row({ ne, values }: SummedSource, i1: number, i2: number, i3: number): Float32Array {
  const start = ((i3 * ne[2] + i2) * ne[1] + i1) * ne[0];
  return values.subarray(start, start + ne[0]);
}

/** Σ over all results of (‖a‖·‖b‖)², dot product by dot product. */
function ofProducts(a: SummedSource, b: SummedSource): number {
  let sum = 0;
  const [r2, r3] = [b.ne[2] / a.ne[2], b.ne[3] / a.ne[3]];
  for (let i3 = 0; i3 < b.ne[3]; i3++) {
    for (let i2 = 0; i2 < b.ne[2]; i2++) {
      for (let column = 0; column < b.ne[1]; column++) {
        for (let i1 = 0; i1 < a.ne[1]; i1++) {
          sum += square(row(a, i1, Math.floor(i2 / r2), Math.floor(i3 / r3))) * square(row(b, column, i2, i3));
        }
      }
    }
  }
  return sum;
}

describe('the noise of a mat-mul', () => {
  it.each([
    ['a single plane', [8, 3, 1, 1], [8, 2, 1, 1]],
    ['a plane for each plane', [8, 3, 2, 3], [8, 2, 2, 3]],
    ['planes repeated for consecutive ones', [8, 3, 2, 1], [8, 2, 6, 1]],
    ['planes repeated in both dimensions', [8, 3, 2, 2], [8, 2, 4, 6]],
    ['one plane for all', [8, 3, 1, 1], [8, 2, 3, 2]],
  ] as const)('is u²·Σ(‖a‖·‖b‖)² over %s', (_what, neOfA: Dims, neOfB: Dims) => {
    const [a, b] = [random(neOfA, 1), random(neOfB, 2)];
    const results = a.ne[1] * b.ne[1] * b.ne[2] * b.ne[3];
    expect(noise('MUL_MAT', results, a, b) / ofProducts(a, b)).toBeCloseTo(1, 10);
  });

  it('is an energy: the square of u·‖a‖·‖b‖', () => {
    const sources = [of([2, 1, 1, 1], 3, 4), of([2, 1, 1, 1], 5, 12)];
    expect(cancellationNoise('MUL_MAT', (i) => sources[i], 1)).toBe((UNIT * 5 * 13) ** 2);
  });

  it('leaves out what is not finite', () => {
    const [a, b] = [of([4, 1, 1, 1], 3, NaN, 4, 0), of([4, 1, 1, 1], 5, 0, 12, Infinity)];
    expect(noise('MUL_MAT', 1, a, b)).toBe((5 * 13) ** 2);
    expect(noise('SUM_ROWS', 1, of([3, 1, 1, 1], 3, -Infinity, -4))).toBe(49);
  });

  it('is unknown, and taken for none, where a source is not to be read', () => {
    const b = of([2, 1, 1, 1], 1, 1);
    expect(noise('MUL_MAT', 1, undefined, b)).toBe(0);
    expect(noise('MUL_MAT', 1, b, undefined)).toBe(0);
  });

  it('is none where there is nothing to sum', () => {
    const zeros = of([2, 1, 1, 1], 0, 0);
    expect(noise('MUL_MAT', 1, zeros, of([2, 1, 1, 1], 1, 1))).toBe(0);
  });
});

describe('the noise of a mat-mul with experts', () => {
  const experts = random([8, 3, 4, 1], 3);

  /** What the chosen experts give, dot product by dot product. */
  function ofChosen(b: SummedSource, chosen: readonly (readonly number[])[]): number {
    let sum = 0;
    chosen.forEach((used, token) => {
      used.forEach((expert, slot) => {
        const column = square(row(b, slot % b.ne[1], token, 0));
        for (let i1 = 0; i1 < experts.ne[1]; i1++) sum += square(row(experts, i1, expert, 0)) * column;
      });
    });
    return sum;
  }

  const energies = [0, 1, 2, 3].map((e) => square(experts.values.subarray(e * 24, (e + 1) * 24)));
  const loudest = energies.indexOf(Math.max(...energies));

  it.each([
    ['a column for each slot', [8, 2, 5, 1]],
    ['one column for all slots of a token', [8, 1, 5, 1]],
  ] as const)('is that of the loudest expert for every token: %s', (_what, ne: Dims) => {
    const b = random(ne, 4);
    const found = noise('MUL_MAT_ID', 3 * 2 * 5, experts, b);
    const all = Array.from({ length: 5 }, () => [loudest, loudest]);
    expect(found / ofChosen(b, all)).toBeCloseTo(1, 10);
    const others = Array.from({ length: 5 }, (_, token) => [token % 4, (token + 1) % 4]);
    expect(found).toBeGreaterThan(ofChosen(b, others));
  });
});

describe('the noise of sums', () => {
  const x = of([3, 2, 1, 1], 1, -2, 3, -4, 0, 5);

  it.each([
    ['SUM_ROWS', 6 ** 2 + 9 ** 2],
    ['CUMSUM', 6 ** 2 + 9 ** 2],
    ['MEAN', 2 ** 2 + 3 ** 2],
    ['SUM', 15 ** 2],
  ] as const)('of %s is u²·Σ(Σ|x|)²', (kind, expected) => {
    expect(noise(kind, 1, x)).toBeCloseTo(expected, 10);
  });
});

describe('ops that do not sum', () => {
  it.each(['ADD', 'RMS_NORM', 'SOFT_MAX', 'CPY'] as const)('%s has none', (kind) => {
    expect(noise(kind, 2, of([2, 1, 1, 1], 1, 1), of([2, 1, 1, 1], 1, 1))).toBe(0);
  });
});
