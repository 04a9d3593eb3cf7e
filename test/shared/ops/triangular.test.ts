import { expect, it } from 'vitest';
import { complaint, runOp, tensor, transposedStrides } from './op-helpers';

it('SOLVE_TRI solves row by row, whatever the strides', () => {
  const a = [2, 9, 9, 1, 4, 9, -3, 0.5, 1];
  const b = [2, 4, 9, 6, 0, 1];
  const ne = [3, 3, 1, 1] as const;
  for (const nb of [undefined, transposedStrides('F32', ne)]) {
    const src = [tensor(ne, a, nb ? { nb } : {}), tensor([2, 3, 1, 1], b)];
    expect([...runOp({ kind: 'SOLVE_TRI', src, ne: [2, 3, 1, 1] })]).toEqual([1, 2, 2, 1, 2, 6.5]);
  }
});

it('SOLVE_TRI asks for a square matrix of the height of its right-hand sides', () => {
  const b = tensor([2, 3, 1, 1], []);
  const wide = { kind: 'SOLVE_TRI' as const, src: [tensor([4, 3, 1, 1], []), b], ne: [2, 3, 1, 1] as const };
  expect(complaint(wide)).toContain('source 0 is [4, 3, 1, 1]; [3, 3, 1, 1] is expected');
});
