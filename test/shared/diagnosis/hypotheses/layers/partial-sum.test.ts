import { describe, expect, it } from 'vitest';
import { PARTIAL_SUM } from '../../../../../src/shared/diagnosis/hypotheses/layers/partial-sum';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { floatBits } from '../../../ops/op-helpers';
import { expectExplained, nodeSite, values, withWrong } from './node-site';

const [N, ROWS, EPS] = [200, 4, 1e-5];
const ne: Dims = [N, ROWS, 1, 1];
const x = values(N * ROWS, 21).map((v) => v + 0.2);

const norm = (op: 'RMS_NORM' | 'NORM' | 'L2_NORM'): Site =>
  nodeSite({ op, ne, params: [floatBits(EPS)], sources: [{ name: 'x', ne, values: x }] });
const sums = (op: 'SUM_ROWS' | 'MEAN'): Site =>
  nodeSite({ op, ne: [1, ROWS, 1, 1], sources: [{ name: 'x', ne, values: x }] });

/** A workgroup of `group` lanes walks the row; only what its first 32 lanes held is added up. */
function firstSubgroup(row: Float32Array, group: number): number {
  let sum = 0;
  for (let from = 0; from < row.length; from += group) for (const v of row.subarray(from, from + 32)) sum += v;
  return sum;
}

const byRow = (of: (row: Float32Array) => Float32Array): Float32Array => {
  const rows = Array.from({ length: ROWS }, (_, r) => of(x.subarray(r * N, (r + 1) * N)));
  return Float32Array.from(rows.flatMap((row) => [...row]));
};
const squares = (row: Float32Array): Float32Array => row.map((v) => v * v);

describe('the first subgroup of a ragged workgroup', () => {
  it.each([33, 40, 48, 56, 64])('of %i lanes, in a norm', async (group) => {
    const wrong = byRow((row) => {
      const sum = firstSubgroup(squares(row), group);
      return row.map((v) => v / Math.sqrt(sum / N + EPS));
    });
    const label = `the first 32 of every ${group}`;
    const tried = await expectExplained(PARTIAL_SUM, norm('RMS_NORM'), wrong, label);
    expect(tried.parameters).toEqual({ summed: 32, ofEvery: group, right: N });
  });

  it('is known beforehand where the norm’s sums cannot be told', async () => {
    const wrong = byRow((row) => {
      const mean = row.reduce((s, v) => s + v, 0) / N;
      const centred = row.map((v) => v - mean);
      const sum = firstSubgroup(squares(centred), 48);
      return centred.map((v) => v / Math.sqrt(sum / N + EPS));
    });
    await expectExplained(PARTIAL_SUM, norm('NORM'), wrong, 'the first 32 of every 48');
    const labels = [...PARTIAL_SUM.variants(norm('NORM'))].map((v) => v.label);
    for (const group of [33, 40, 48, 56, 64]) expect(labels).toContain(`the first 32 of every ${group}`);
  });

  it.each([37, 71, 153])('of any other size, %i lanes, is read off', async (group) => {
    const label = `the first 32 of every ${group}`;
    const wrong = byRow((row) => {
      const sum = firstSubgroup(squares(row), group);
      return row.map((v) => v / Math.sqrt(sum / N + EPS));
    });
    await expectExplained(PARTIAL_SUM, norm('RMS_NORM'), wrong, label);
    const l2 = byRow((row) => row.map((v) => v / Math.sqrt(firstSubgroup(squares(row), group))));
    await expectExplained(PARTIAL_SUM, norm('L2_NORM'), l2, label);
    // inside a stretch nothing can be read off
    expect([...PARTIAL_SUM.variants(norm('RMS_NORM'))].map((v) => v.label)).not.toContain(label);
  });

  it('in sums and means of rows', async () => {
    const wrong = byRow((row) => Float32Array.of(firstSubgroup(row, 43)));
    await expectExplained(PARTIAL_SUM, sums('SUM_ROWS'), wrong, 'the first 32 of every 43');
    const means = wrong.map((sum) => sum / N);
    await expectExplained(PARTIAL_SUM, sums('MEAN'), means, 'the first 32 of every 43');
  });

  it('is not taken for rows that it holds as a whole', () => {
    const short = values(30 * ROWS, 5);
    const shape: Dims = [30, ROWS, 1, 1];
    const site = nodeSite({
      op: 'RMS_NORM',
      ne: shape,
      params: [floatBits(EPS)],
      sources: [{ name: 'x', ne: shape, values: short }],
    });
    const labels = [...PARTIAL_SUM.variants(withWrong(site, short))].map((v) => v.label);
    expect(labels.filter((label) => label.includes('of every'))).toEqual([]);
  });

  it('does not apply to other ops', () => {
    const site = nodeSite({ op: 'SQR', ne, sources: [{ name: 'x', ne, values: x }] });
    expect([...PARTIAL_SUM.variants(withWrong(site, x))]).toEqual([]);
  });
});
