import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../src/shared/base/float-bits';
import type { Dims } from '../../../src/shared/graph/graph';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { finiteBlock } from '../../helpers/blocks';
import { blockTensor, build, complaint, elementAt, gappedStrides, randomValues, runOp, tensor } from './op-helpers';

describe('GET_ROWS', () => {
  const tableNe: Dims = [5, 7, 2, 3];
  const values = randomValues(210, 3);
  const indicesNe: Dims = [4, 2, 3, 1];
  const indices = Array.from({ length: 24 }, (_, i) => (i * 5) % 7);
  const expected = build([5, 4, 2, 3], ([i0, i1, i2, i3]) =>
    elementAt(values, tableNe, [i0, elementAt(indices, indicesNe, [i1, i2, i3, 0]), i2, i3]),
  );

  it.each(['I32', 'I64'] as const)('picks rows of every plane by %s indices', (type) => {
    const table = tensor(tableNe, values, { nb: gappedStrides('F32', tableNe), offset: 4 });
    expect(runOp({ kind: 'GET_ROWS', ne: [5, 4, 2, 3], src: [table, tensor(indicesNe, indices, { type })] })).toEqual(
      expected,
    );
  });

  it('decodes rows of a quantized table', () => {
    const bytes = new Uint8Array(6 * 144);
    for (let row = 0; row < 6; row++) bytes.set(finiteBlock('Q4_K', [0, 2], row), row * 144);
    const decoded = new Float32Array(6 * 256);
    supportedFormat('Q4_K').dequantize(bytes, 0, 6, decoded, 0);
    const picked = runOp({
      kind: 'GET_ROWS',
      ne: [256, 2, 1, 1],
      src: [blockTensor('Q4_K', [256, 6, 1, 1], bytes), tensor([2, 1, 1, 1], [5, 2], { type: 'I32' })],
    });
    expect(picked).toEqual(Float32Array.from([...decoded.subarray(5 * 256), ...decoded.subarray(512, 768)]));
  });

  it('refuses an index out of range in one clear line', () => {
    const src = [tensor([2, 3, 1, 1], []), tensor([1, 1, 1, 1], [3], { type: 'I32' })];
    expect(() => runOp({ kind: 'GET_ROWS', ne: [2, 1, 1, 1], src })).toThrow('row index 3 of a tensor with 3 rows');
  });

  it('refuses indices that do not fit the table', () => {
    const src = [tensor([2, 3, 2, 1], []), tensor([1, 3, 1, 1], [], { type: 'I32' })];
    expect(complaint({ kind: 'GET_ROWS', ne: [2, 1, 3, 1], src })).toContain('indices [1, 3, 1, 1] do not fit a table');
  });
});

describe('ADD_ID', () => {
  const src = [
    tensor([2, 2, 1, 1], [1, 2, 3, 4]),
    tensor([2, 3, 1, 1], [10, 20, 30, 40, 50, 60]),
    tensor([2, 1, 1, 1], [2, 0], { type: 'I32' }),
  ];

  it('adds the rows that the ids name', () => {
    expect([...runOp({ kind: 'ADD_ID', ne: [2, 2, 1, 1], src })]).toEqual([51, 62, 13, 24]);
  });

  it('refuses ids and biases that do not fit', () => {
    const [a, biases, ids] = src;
    const run = { kind: 'ADD_ID', ne: [2, 2, 1, 1] } as const;
    expect(complaint({ ...run, src: [a, tensor([3, 3, 1, 1], []), ids] })).toContain(
      'biases [3, 3, 1, 1] for rows of 2',
    );
    const many = tensor([3, 1, 1, 1], [0, 0, 0], { type: 'I32' });
    expect(complaint({ ...run, src: [a, biases, many] })).toContain('ids [3, 1, 1, 1] do not fit');
    const wrong = tensor([2, 1, 1, 1], [0, 3], { type: 'I32' });
    expect(() => runOp({ ...run, src: [a, biases, wrong] })).toThrow('row index 3 of a tensor with 3 rows');
  });
});

describe('SET_ROWS', () => {
  it('places f32 rows into an f16 cache, rounds them, and leaves the others alone', () => {
    const rows = randomValues(2 * 3 * 2, 9);
    const cache = tensor([3, 5, 2, 1], new Float32Array(30).fill(7), { type: 'F16', nb: [2, 8, 64, 128], offset: 2 });
    runOp({
      kind: 'SET_ROWS',
      ne: [3, 5, 2, 1],
      src: [tensor([3, 2, 2, 1], rows), tensor([2, 1, 1, 1], [4, 1], { type: 'I64' })],
      dst: cache,
    });
    const place = new Map([
      [4, 0],
      [1, 1],
    ]);
    const expected = build([3, 5, 2, 1], ([i0, i1, i2]) => {
      const from = place.get(i1);
      return from === undefined ? 7 : f16ToF32(f32ToF16(elementAt(rows, [3, 2, 2, 1], [i0, from, i2, 0])));
    });
    const got = build([3, 5, 2, 1], ([i0, i1, i2]) => {
      const row = new Float32Array(3);
      cache.readRow(i1, i2, 0, row, 0);
      return row[i0]!;
    });
    expect(got).toEqual(expected);
  });

  it('says that it cannot write quantized rows', () => {
    const dst = tensor([32, 4, 1, 1], [], { type: 'Q8_0' });
    const src = [tensor([32, 1, 1, 1], []), tensor([1, 1, 1, 1], [0], { type: 'I64' })];
    expect(complaint({ kind: 'SET_ROWS', ne: [32, 4, 1, 1], src, dst })).toBe(
      'not measured: SET_ROWS (the result is Q8_0; F32, F16 or BF16 is expected)',
    );
  });
});
