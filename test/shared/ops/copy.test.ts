import { describe, expect, it } from 'vitest';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../../src/shared/base/float-bits';
import type { Dims } from '../../../src/shared/graph/graph';
import { complaint, gappedStrides, randomValues, runOp, tensor, transposedStrides } from './op-helpers';

const ne: Dims = [3, 4, 2, 2];
const values = randomValues(48, 5);

describe.each(['CONT', 'CPY', 'DUP'] as const)('%s', (kind) => {
  it.each([
    ['gapped', gappedStrides('F32', ne)],
    ['transposed', transposedStrides('F32', ne)],
  ])('keeps the logical order of %s memory', (_name, nb) => {
    expect(runOp({ kind, ne, src: [tensor(ne, values, { nb, offset: 16 })] })).toEqual(values);
  });

  it('writes into another shape and other strides', () => {
    const into: Dims = [8, 3, 1, 2];
    const dst = tensor(into, [], { nb: gappedStrides('F32', into), offset: 4 });
    expect(runOp({ kind, ne: into, src: [tensor(ne, values)], dst })).toEqual(values);
  });

  it.each([
    ['F16', (x: number) => f16ToF32(f32ToF16(x))],
    ['BF16', (x: number) => bf16ToF32(f32ToBf16(x))],
  ] as const)('rounds to %s, and back without loss', (type, round) => {
    const special = [0, -0, 1e-8, 6.1e-5, 65504, 65520, 1e30, Infinity, -Infinity, NaN, 1 + 2 ** -11, 1 + 3 * 2 ** -11];
    const shape: Dims = [special.length, 1, 1, 1];
    const rounded = runOp({ kind, ne: shape, src: [tensor(shape, special)], dst: tensor(shape, [], { type }) });
    expect(rounded).toEqual(Float32Array.from(special, round));
    expect(runOp({ kind, ne: shape, src: [tensor(shape, rounded, { type })] })).toEqual(rounded);
  });
});

describe('indices', () => {
  it.each(['I32', 'I64'] as const)('copies %s beyond the precision of f32', (type) => {
    const large = tensor([2, 2, 1, 1], [1, 2, 3, 4], { type, nb: type === 'I32' ? [8, 4, 16, 16] : [16, 8, 32, 32] });
    large.writeIndex(1, 0, 0, 0, 16_777_217);
    const dst = tensor([4, 1, 1, 1], [], { type });
    runOp({ kind: 'CPY', ne: [4, 1, 1, 1], src: [large], dst });
    expect([0, 1, 2, 3].map((i) => dst.readIndex(i, 0, 0, 0))).toEqual([1, 16_777_217, 3, 4]);
  });
});

describe('I32 and F32', () => {
  const values = [2.9, -2.9, 3e9, -3e9, NaN];

  it.each([
    ['exact', [2, -2, 2 ** 31 - 1, -(2 ** 31), 0]],
    ['ggml', [2, -2, -(2 ** 31), -(2 ** 31), -(2 ** 31)]],
  ] as const)('cuts fractions off; %s out of range', (arithmetic, expected) => {
    const dst = tensor([5, 1, 1, 1], [], { type: 'I32' });
    runOp({ kind: 'CPY', ne: dst.ne, src: [tensor(dst.ne, values)], dst, arithmetic });
    expect([0, 1, 2, 3, 4].map((i) => dst.readIndex(i, 0, 0, 0))).toEqual(expected);
  });

  it('rounds large integers to even', () => {
    const source = tensor([1, 1, 1, 1], [0], { type: 'I32' });
    source.writeIndex(0, 0, 0, 0, 16_777_219);
    expect([...runOp({ kind: 'CPY', ne: [1, 1, 1, 1], src: [source] })]).toEqual([16_777_220]);
  });
});

describe('shape rule', () => {
  it('refuses another count and types that it cannot write', () => {
    expect(complaint({ kind: 'CPY', ne: [5, 1, 1, 1], src: [tensor([4, 1, 1, 1], [])] })).toBe(
      'not measured: CPY ([4, 1, 1, 1] is copied to [5, 1, 1, 1]: another number of elements)',
    );
    const q8 = tensor([32, 1, 1, 1], [], { type: 'Q8_0' });
    expect(complaint({ kind: 'CPY', ne: [32, 1, 1, 1], src: [tensor([32, 1, 1, 1], [])], dst: q8 })).toBe(
      'not measured: CPY (F32 to Q8_0)',
    );
  });
});
