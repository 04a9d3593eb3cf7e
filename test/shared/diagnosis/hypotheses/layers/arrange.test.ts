import { expect, it } from 'vitest';
import { CONCAT_ORDER, LAYOUT, REPEAT_ORDER } from '../../../../../src/shared/diagnosis/hypotheses/layers/arrange';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { build, elementAt, transposedStrides } from '../../../ops/op-helpers';
import { expectExplained, nodeSite, values } from './node-site';

it('parts joined the other way round, or one left out', async () => {
  const [a, b] = [values(5 * 4, 1), values(3 * 4, 2)];
  const sources = [
    { name: 'nope', ne: [5, 4, 1, 1] as Dims, values: a },
    { name: 'pe', ne: [3, 4, 1, 1] as Dims, values: b },
  ];
  const site = nodeSite({ op: 'CONCAT', ne: [8, 4, 1, 1], params: [0], sources });
  const rows = [0, 1, 2, 3];
  const swapped = rows.flatMap((r) => [...b.subarray(r * 3, r * 3 + 3), ...a.subarray(r * 5, r * 5 + 5)]);
  const tried = await expectExplained(CONCAT_ORDER, site, swapped, 'swapped');
  expect(tried.parameters).toEqual({ order: 'pe, nope', right: 'nope, pe' });
  const zeros = rows.flatMap((r) => [0, 0, 0, 0, 0, ...b.subarray(r * 3, r * 3 + 3)]);
  await expectExplained(CONCAT_ORDER, site, zeros, 'first part zero');
});

it('repeated in place instead of as a whole', async () => {
  const small: Dims = [5, 2, 3, 1];
  const x = values(30, 3);
  const ne: Dims = [5, 6, 3, 1];
  const site = nodeSite({ op: 'REPEAT', ne, sources: [{ name: 'x', ne: small, values: x }] });
  const wrong = build(ne, ([i0, i1, i2]) => elementAt(x, small, [i0, Math.floor(i1 / 3), i2, 0]));
  await expectExplained(REPEAT_ORDER, site, wrong, 'along dimension 1');
});

it('copied as it lies in memory, or with heads and tokens exchanged', async () => {
  const ne: Dims = [7, 4, 3, 1];
  const x = values(84, 4);
  const base = nodeSite({ op: 'CONT', ne, sources: [{ name: 'x', ne, values: x }] });
  // as a view whose dimension 0 is memory's slowest
  const tensors = base.graph.tensors.map((t) => (t.name === 'x' ? { ...t, nb: transposedStrides('F32', ne) } : t));
  const site = { ...base, graph: { ...base.graph, tensors } };
  const inMemory: number[] = [];
  for (let i0 = 0; i0 < 7; i0++) {
    for (let i2 = 0; i2 < 3; i2++) for (let i1 = 0; i1 < 4; i1++) inMemory.push(elementAt(x, ne, [i0, i1, i2, 0]));
  }
  await expectExplained(LAYOUT, site, inMemory, 'as it lies in memory');
  const exchanged: number[] = [];
  for (let i1 = 0; i1 < 4; i1++) {
    for (let i2 = 0; i2 < 3; i2++) for (let i0 = 0; i0 < 7; i0++) exchanged.push(elementAt(x, ne, [i0, i1, i2, 0]));
  }
  await expectExplained(LAYOUT, site, exchanged, 'in the order 0, 2, 1, 3');
});
