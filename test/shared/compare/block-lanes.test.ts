import { describe, expect, it } from 'vitest';
import type { DecodedLane, MeasuredBlockLane } from '../../../src/shared/compare/block-lanes';
import { compareBlockLanes } from '../../../src/shared/compare/block-lanes';

const SUBNORMAL = 2 ** -140;

function lane(name: string, values: readonly number[], device = false): DecodedLane {
  return { lane: name, device, outcome: { status: 'measured', engine: undefined, values: Float32Array.from(values) } };
}

const missing = (name: string): DecodedLane => {
  return { lane: name, device: false, outcome: { status: 'not-measured', reason: 'no library' } };
};

function compared(name: string, lanes: readonly DecodedLane[]): MeasuredBlockLane {
  const found = compareBlockLanes(lanes).lanes.find((l) => l.lane === name)!;
  if (found.status !== 'measured') throw new Error(`${name} was not measured`);
  return found;
}

describe('compareBlockLanes', () => {
  const exact = lane('llama', [1, SUBNORMAL, -0, NaN]);

  it('compares bits, not values', () => {
    const webgpu = compared('webgpu', [lane('webgpu', [1, SUBNORMAL, 0, 1], true), exact]);
    expect(webgpu.different).toEqual([2, 3]);
    expect(webgpu.bits.slice(0, 3)).toEqual(['3f800000', '00000200', '00000000']);
    expect(webgpu.values).toEqual([1, SUBNORMAL, 0, 1]);
  });

  it('lets a device flush a subnormal result, and nobody else', () => {
    const flushed = [1, 0, -0, NaN];
    expect(compared('webgpu', [lane('webgpu', flushed, true), exact])).toMatchObject({
      different: [],
      classes: { equal: 3, flushed: 1 },
    });
    expect(compared('scalar', [lane('scalar', flushed), exact])).toMatchObject({
      different: [1],
      classes: { flushed: 0 },
    });
  });

  it('is judged by llama, else by scalar, else by nobody', () => {
    const [scalar, webgpu] = [lane('scalar', [1]), lane('webgpu', [2], true)];
    expect(compareBlockLanes([scalar, webgpu, lane('llama', [2])]).judge).toBe('llama');
    expect(compareBlockLanes([scalar, webgpu, missing('llama')]).judge).toBe('scalar');
    expect(compared('webgpu', [scalar, webgpu, missing('llama')]).different).toEqual([0]);
    const alone = compareBlockLanes([webgpu, missing('llama')]);
    expect(alone.judge).toBeNull();
    expect(alone.lanes).toMatchObject([
      { different: [], classes: { equal: 0, different: 0 } },
      { status: 'not-measured', reason: 'no library' },
    ]);
  });
});
