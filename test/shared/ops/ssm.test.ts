import { describe, expect, it } from 'vitest';
import { QuarrelError } from '../../../src/shared/base/errors';
import type { Dims } from '../../../src/shared/graph/graph';
import { uniform } from '../../helpers/values';
import type { OpRun } from './op-helpers';
import { complaint, countOf, nmse, runOp, tensor } from './op-helpers';

interface Change {
  readonly ids?: readonly number[];
  readonly snapshots?: number;
  readonly type?: 'F32' | 'F16';
  readonly groups?: number;
  readonly tokens?: number;
}

/** Mamba-2: 4 states, 3 channels, 2 heads, 2 sequences out of 3 slots. */
function scan({ ids = [2, 0], snapshots = 1, type = 'F32', groups = 2, tokens = 3 }: Change): OpRun {
  const part = (ne: Dims, seed: number, low = -1): ReturnType<typeof tensor> =>
    tensor(ne, uniform(countOf(ne), low, 1, seed), { type });
  const vectors: Dims = [4, groups, tokens, 2];
  const src = [
    part([4, 3, 2, 3], 1),
    part([3, 2, tokens, 2], 2),
    part([2, tokens, 2, 1], 3, -4),
    part([1, 2, 1, 1], 4),
    part(vectors, 5),
    part(vectors, 6),
    tensor([2, 1, 1, 1], ids, { type: 'I32' }),
  ];
  return { kind: 'SSM_SCAN', src, ne: [12 * tokens + 48 * snapshots, 1, 1, 1], params: [snapshots] };
}

describe('SSM_SCAN', () => {
  it('returns the state after each of the last tokens', () => {
    const all = runOp(scan({ snapshots: 3 }));
    const last = runOp(scan({}));
    expect(all.subarray(0, 36 + 48)).toEqual(last);
    const states = [0, 1, 2].map((back) => all.slice(36 + 48 * back, 36 + 48 * (back + 1)));
    expect(nmse(states[1]!, states[0]!)).toBeGreaterThan(1e-3);
    expect(nmse(states[2]!, states[1]!)).toBeGreaterThan(1e-3);
  });

  it('reads other types than F32', () => {
    const distance = nmse(runOp(scan({ type: 'F16' })), runOp(scan({})));
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThan(1e-5);
  });

  it('does not take a state that is not there', () => {
    expect(() => runOp(scan({ ids: [0, 3] }))).toThrow(QuarrelError);
    expect(() => runOp(scan({ ids: [-1, 0] }))).toThrow('SSM_SCAN: state -1 of 3');
  });

  it('says what does not fit', () => {
    expect(complaint(scan({ snapshots: 4 }))).toContain('4 states of 3 tokens are asked for');
    expect(complaint(scan({ snapshots: 0 }))).toContain('0 states of 3 tokens');
    expect(complaint({ ...scan({}), params: [-5] })).toContain('-5 states of 3 tokens');
    expect(complaint(scan({ groups: 3 }))).toContain('2 heads in 3 groups');
    expect(complaint({ ...scan({}), ne: [83, 1, 1, 1] })).toContain('the result is [83, 1, 1, 1]');
  });
});

describe('SSM_CONV', () => {
  it('says what does not fit', () => {
    const run = (time: number, ne: Dims): OpRun => {
      return { kind: 'SSM_CONV', src: [tensor([time, 5, 2, 1], []), tensor([4, 5, 1, 1], [])], ne };
    };
    expect(complaint(run(6, [5, 3, 2, 1]))).toBeUndefined();
    expect(complaint(run(6, [5, 4, 2, 1]))).toContain('[5, 3, 2, 1] is expected');
    expect(complaint(run(2, [5, 0, 2, 1]))).toContain('2 steps of time are too few for 4 taps');
  });
});
