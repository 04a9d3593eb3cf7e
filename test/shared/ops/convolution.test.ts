import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import { complaint, gappedStrides, runOp, tensor } from './op-helpers';

const kernelOf = (...ne: [number, number, number, number]): ReturnType<typeof tensor> =>
  tensor(ne, new Array<number>(ne[0] * ne[1] * ne[2] * ne[3]).fill(1));

describe('IM2COL', () => {
  const rows = tensor([4, 2, 1, 1], [1, 2, 3, 4, 5, 6, 7, 8]);
  const image = tensor([3, 2, 1, 1], [1, 2, 3, 4, 5, 6]);

  it('lays out patches of rows, channel by channel', () => {
    const src = [kernelOf(2, 2, 1, 1), rows];
    const params = [2, 0, 1, 0, 1, 0, 0];
    const patches = runOp({ kind: 'IM2COL', ne: [4, 3, 1, 1], params, src });
    expect([...patches]).toEqual([0, 1, 0, 5, 2, 3, 6, 7, 4, 0, 8, 0]);
  });

  it('lays out patches of images, dilated', () => {
    const src = [kernelOf(2, 2, 1, 1), image];
    const params = [1, 1, 0, 1, 2, 1, 1];
    const patches = runOp({ kind: 'IM2COL', ne: [4, 1, 3, 1], params, src });
    expect([...patches]).toEqual([0, 0, 1, 3, 1, 3, 4, 6, 4, 6, 0, 0]);
  });

  it.each<[number[], Dims, string]>([
    [[0, 1, 0, 0, 1, 1, 1], [4, 2, 1, 1], 'a stride of 0, 1'],
    [[1, -1, 0, 0, 1, 1, 1], [4, 2, 1, 1], 'a stride of 1, -1'],
    [[1, 1, 0, 0, 1, -1, 1], [4, 2, 3, 1], 'a dilation of 1, -1'],
    [[1, 1, 1, 0, 1, 1, 1], [4, 2, 1, 1], '[4, 4, 1, 1] patches do not fit [4, 2, 1, 1]'],
  ])('refuses op_params %j for %j', (params, ne, why) => {
    const refused = complaint({ kind: 'IM2COL', ne, params, src: [kernelOf(2, 2, 1, 1), image] });
    expect(refused).toBe(`not measured: IM2COL (${why})`);
  });

  it('refuses a kernel of other channels', () => {
    const src = [kernelOf(2, 3, 1, 1), rows];
    const refused = complaint({ kind: 'IM2COL', ne: [6, 3, 1, 1], params: [1, 0, 0, 0, 1, 0, 0], src });
    expect(refused).toContain('a kernel [2, 3, 1, 1] for images [4, 2, 1, 1]');
  });

  it('refuses gaps that ggml does not see', () => {
    const gaps = tensor(image.ne, [1, 2, 3, 4, 5, 6], { nb: gappedStrides('F32', image.ne) });
    const run = { kind: 'IM2COL', ne: [4, 2, 1, 1] as Dims, params: [1, 1, 0, 0, 1, 1, 1] } as const;
    expect(complaint({ ...run, src: [kernelOf(2, 2, 1, 1), image] })).toBeUndefined();
    expect(complaint({ ...run, src: [kernelOf(2, 2, 1, 1), gaps] })).toContain('images with gaps');
  });
});

describe('CONV_TRANSPOSE_1D', () => {
  const kernel = tensor([3, 1, 1, 1], [1, 10, 100]);
  const x = tensor([2, 1, 1, 1], [1, 2]);

  it('lets kernels overlap', () => {
    const run = { kind: 'CONV_TRANSPOSE_1D', src: [kernel, x] } as const;
    expect([...runOp({ ...run, ne: [4, 1, 1, 1], params: [1, 0, 1] })]).toEqual([1, 12, 120, 200]);
    expect([...runOp({ ...run, ne: [7, 1, 1, 1], params: [4, 0, 1] })]).toEqual([1, 10, 100, 0, 2, 20, 200]);
  });

  it.each([
    [[0, 0, 1], 'stride 0, padding 0, dilation 1'],
    [[1, 1, 1], 'stride 1, padding 1, dilation 1'],
    [[1, 0, 2], 'stride 1, padding 0, dilation 2'],
    [[2, 0, 1], 'the result is [4, 1, 1, 1]; [5, 1, 1, 1] is expected'],
  ])('refuses op_params %j', (params, why) => {
    const refused = complaint({ kind: 'CONV_TRANSPOSE_1D', ne: [4, 1, 1, 1], params, src: [kernel, x] });
    expect(refused).toBe(`not measured: CONV_TRANSPOSE_1D (${why})`);
  });
});

describe('POOL_1D', () => {
  const x = tensor([4, 1, 1, 1], [1, -2, 4, -8]);

  it('takes maximum or mean of what is inside', () => {
    const run = { kind: 'POOL_1D', ne: [3, 1, 1, 1] as Dims, src: [x] } as const;
    expect([...runOp({ ...run, params: [0, 2, 2, 1] })]).toEqual([1, 4, -8]);
    expect([...runOp({ ...run, params: [1, 2, 2, 1] })]).toEqual([1, 1, -8]);
  });

  it.each([
    [[2, 2, 2, 1], 'function 2'],
    [[0, 0, 2, 1], '0 elements in steps of 2'],
    [[0, 2, 0, 1], '2 elements in steps of 0'],
  ])('refuses op_params %j', (params, why) => {
    const refused = complaint({ kind: 'POOL_1D', ne: [3, 1, 1, 1], params, src: [x] });
    expect(refused).toBe(`not measured: POOL_1D (${why})`);
  });
});
