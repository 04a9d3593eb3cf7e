import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../src/shared/base/float-bits';
import { complaint, floatBits, runOp, tensor } from './op-helpers';

describe('ARANGE', () => {
  const params = [1, 3, 0.5].map(floatBits);

  it('counts up to the end, which it leaves out', () => {
    expect([...runOp({ kind: 'ARANGE', ne: [4, 1, 1, 1], params, src: [] })]).toEqual([1, 1.5, 2, 2.5]);
  });

  it('refuses another number of steps, and none', () => {
    expect(complaint({ kind: 'ARANGE', ne: [5, 1, 1, 1], params, src: [] })).toContain('4 steps from 1 to 3');
    expect(complaint({ kind: 'ARANGE', ne: [5, 1, 1, 1], params: [], src: [] })).toContain('NaN steps');
  });
});

it('FILL rounds its value to the type', () => {
  const dst = tensor([2, 2, 1, 1], [], { type: 'F16' });
  const filled = runOp({ kind: 'FILL', ne: dst.ne, params: [floatBits(0.1)], src: [dst], dst });
  expect([...filled]).toEqual(new Array(4).fill(f16ToF32(f32ToF16(0.1))));
});

describe('TIMESTEP_EMBEDDING', () => {
  const times = tensor([2, 1, 1, 1], [0, 500]);

  it('gives cosines, then sines, then a zero where the dimension is odd', () => {
    const out = runOp({ kind: 'TIMESTEP_EMBEDDING', ne: [5, 2, 1, 1], params: [5, 100], src: [times] });
    const expected = [1, 1, 0, 0, 0, Math.cos(500), Math.cos(50), Math.sin(500), Math.sin(50), 0];
    out.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 6));
  });

  it('refuses what does not fit', () => {
    const run = (params: number[]): string | undefined =>
      complaint({ kind: 'TIMESTEP_EMBEDDING', ne: [5, 2, 1, 1], params, src: [times] });
    expect(run([4, 100])).toContain('2 timesteps in 4 dimensions for [5, 2, 1, 1]');
    expect(run([5, 0])).toContain('max_period 0');
  });
});
