import { describe, expect, it } from 'vitest';
import { f32Bits } from '../../../src/shared/base/float-bits';
import type { RopeParams } from '../../../src/shared/ops/rope-angles';
import { ROPE_MODE, ropePairs, ropeParams } from '../../../src/shared/ops/rope-angles';

const bits = (x: number): number => f32Bits(x) | 0;
const PARAMS = ropeParams([0, 8, 2, 0, 4096, ...[10000, 0.5, 0, 1, 32, 1].map(bits), 1, 2, 3, 4, 6]);

describe('ropeParams', () => {
  it('reads ggml’s op_params', () => {
    expect(PARAMS).toEqual({
      dims: 8,
      mode: 2,
      originalContext: 4096,
      freqBase: 10000,
      freqScale: 0.5,
      extFactor: 0,
      attnFactor: 1,
      betaFast: 32,
      betaSlow: 1,
      sections: [1, 2, 3, 4],
      firstChannel: 6,
    });
  });
});

describe('ropePairs', () => {
  const components = (p: Partial<RopeParams>): string =>
    ropePairs({ ...PARAMS, ...p })
      .map(({ component }) => 'thwe'[component])
      .join('');
  const steps = (p: Partial<RopeParams>): number[] => ropePairs({ ...PARAMS, ...p }).map((pair) => pair.steps);

  it('without sections', () => {
    expect([components({ mode: ROPE_MODE.NORM }), steps({})]).toEqual(['tttt', [0, 1, 2, 3]]);
  });

  it('MROPE gives each component its section, over and over', () => {
    expect(components({ mode: ROPE_MODE.MROPE, dims: 24, sections: [1, 2, 3, 2] })).toBe('thhwwweethhw');
    expect(components({ mode: ROPE_MODE.MROPE, dims: 16, sections: [0, 3, 0, 1] })).toBe('hhhehhhe');
  });

  it('IMROPE takes time, height and width by turns', () => {
    expect(components({ mode: ROPE_MODE.IMROPE, dims: 20, sections: [4, 3, 2, 1] })).toBe('thwthwthet');
  });

  it('VISION starts frequencies anew with each section', () => {
    const p = { mode: ROPE_MODE.VISION, dims: 8, sections: [2, 3, 0, 1] as const };
    expect([components(p), steps(p)]).toEqual(['tthhhett', [0, 1, 0, 1, 2, 5, 0, 1]]);
  });
});
