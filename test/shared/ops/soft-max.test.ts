import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../src/shared/base/float-bits';
import type { Dims } from '../../../src/shared/graph/graph';
import { build, complaint, elementAt, floatBits, gappedStrides, nmse, randomValues, runOp, tensor } from './op-helpers';

const ne: Dims = [9, 4, 6, 2];
const scores = randomValues(9 * 48, 3).map((v) => v * 40);
const SCALE = Math.fround(0.125);

function softMax(z: (i: Dims) => number, sink?: (head: number) => number): Float32Array {
  return build(ne, ([i0, i1, i2, i3]) => {
    const row = Array.from({ length: ne[0] }, (_, i) => z([i, i1, i2, i3]));
    const extra = sink ? Math.exp(sink(i2)) : 0;
    return Math.exp(row[i0]!) / (row.reduce((sum, v) => sum + Math.exp(v), 0) + extra);
  });
}

describe.each(['exact', 'ggml'] as const)('SOFT_MAX in %s arithmetic', (arithmetic) => {
  const params = [floatBits(SCALE), 0];
  const src0 = tensor(ne, scores, { nb: gappedStrides('F32', ne), offset: 8 });
  const close = (got: Float32Array, expected: Float32Array): void => {
    expect(nmse(got, expected)).toBeLessThan(arithmetic === 'exact' ? 1e-14 : 1e-12);
  };

  it('scales', () => {
    const got = runOp({ kind: 'SOFT_MAX', ne, src: [src0], params, arithmetic });
    close(
      got,
      softMax((i) => elementAt(scores, ne, i) * SCALE),
    );
  });

  it.each(['F32', 'F16'] as const)(
    'adds a %s mask that has more rows and is repeated over heads and batches',
    (type) => {
      const maskNe: Dims = [9, 7, 1, 1];
      const mask = randomValues(63, 5).map((v, i) => (i % 5 === 0 ? -Infinity : f16ToF32(f32ToF16(v))));
      const got = runOp({ kind: 'SOFT_MAX', ne, src: [src0, tensor(maskNe, mask, { type })], params, arithmetic });
      close(
        got,
        softMax((i) => elementAt(scores, ne, i) * SCALE + elementAt(mask, maskNe, [i[0], i[1], 0, 0])),
      );
      expect(got.some((p) => p === 0)).toBe(true);
    },
  );

  it('slopes the mask per head (ALiBi, 6 heads)', () => {
    const maskNe: Dims = [9, 4, 1, 2];
    const mask = randomValues(72, 6);
    const maxBias = 8;
    // 4 heads in steps of 2^(-8/4); the other 2 halfway between.
    const slopes = [1, 2, 3, 4]
      .map((h) => 2 ** ((-maxBias / 4) * h))
      .concat([1, 3].map((h) => 2 ** ((-maxBias / 8) * h)));
    const got = runOp({
      kind: 'SOFT_MAX',
      ne,
      src: [src0, tensor(maskNe, mask)],
      params: [floatBits(SCALE), floatBits(maxBias)],
      arithmetic,
    });
    close(
      got,
      softMax((i) => elementAt(scores, ne, i) * SCALE + slopes[i[2]]! * elementAt(mask, maskNe, [i[0], i[1], 0, i[3]])),
    );
  });

  it('lets sinks take part in the sum', () => {
    const sinks = [1, -2, 3, 0, 30, -Infinity];
    const got = runOp({
      kind: 'SOFT_MAX',
      ne,
      src: [src0, undefined, tensor([6, 1, 1, 1], sinks)],
      params,
      arithmetic,
    });
    close(
      got,
      softMax(
        (i) => elementAt(scores, ne, i) * SCALE,
        (head) => sinks[head]!,
      ),
    );
  });

  it('gives NaN in a row that is masked throughout, and only there', () => {
    const shape: Dims = [3, 2, 1, 1];
    const mask = tensor(shape, [-Infinity, -Infinity, -Infinity, 0, -Infinity, 0]);
    const got = runOp({
      kind: 'SOFT_MAX',
      ne: shape,
      src: [tensor(shape, [1, 2, 3, 5, 6, 5]), mask],
      params: [floatBits(1), 0],
      arithmetic,
    });
    expect([...got]).toEqual([NaN, NaN, NaN, 0.5, 0, 0.5]);
  });

  it('survives scores beyond the range of exp', () => {
    const shape: Dims = [3, 1, 1, 1];
    const got = runOp({
      kind: 'SOFT_MAX',
      ne: shape,
      src: [tensor(shape, [1e4, 1e4, -1e4])],
      params: [floatBits(1), 0],
      arithmetic,
    });
    expect([...got]).toEqual([0.5, 0.5, 0]);
  });
});

describe('shape rule', () => {
  it('refuses a mask that does not fit', () => {
    const src = [tensor(ne, scores), tensor([9, 3, 1, 1], [])];
    expect(complaint({ kind: 'SOFT_MAX', ne, src, params: [floatBits(1), 0] })).toContain(
      'a mask of [9, 3, 1, 1] does not fit scores of [9, 4, 6, 2]',
    );
  });
});
