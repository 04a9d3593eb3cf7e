import { expect, it } from 'vitest';
import { complaint, runOp, tensor } from './op-helpers';

const matrix = tensor([3, 3, 1, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

it.each([
  ['DIAG_MASK_ZERO', [0], [1, 0, 0, 4, 5, 0, 7, 8, 9]],
  ['DIAG_MASK_INF', [1], [1, 2, -Infinity, 4, 5, 6, 7, 8, 9]],
  ['TRI', [0], [1, 2, 3, 0, 5, 6, 0, 0, 9]],
  ['TRI', [1], [0, 2, 3, 0, 0, 6, 0, 0, 0]],
  ['TRI', [2], [1, 0, 0, 4, 5, 0, 7, 8, 9]],
  ['TRI', [3], [0, 0, 0, 4, 0, 0, 7, 8, 0]],
] as const)('%s %j keeps its diagonals', (kind, params, expected) => {
  expect([...runOp({ kind, ne: [3, 3, 1, 1], params, src: [matrix] })]).toEqual(expected);
});

it('DIAG writes a row into the diagonal', () => {
  const row = tensor([3, 1, 1, 1], [1, 2, 3]);
  expect([...runOp({ kind: 'DIAG', ne: [3, 3, 1, 1], src: [row] })]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3]);
  expect(complaint({ kind: 'DIAG', ne: [3, 4, 1, 1], src: [row] })).toContain('a diagonal of 3 in 4 rows');
});

it.each([
  ['TRI', 4],
  ['TRI', -1],
  ['DIAG_MASK_INF', -1],
] as const)('%s refuses the parameter %i', (kind, param) => {
  const refused = complaint({ kind, ne: [3, 3, 1, 1], params: [param], src: [matrix] });
  expect(refused).toBe(`not measured: ${kind} (op_params[0] is ${param})`);
});
