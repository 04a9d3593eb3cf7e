import { describe, expect, it } from 'vitest';
import { f32Bits } from '../../../src/shared/base/float-bits';
import { frequencyWords, ropeFrequencies } from '../../../src/shared/gpu/plan-rope';
import { ropeParams } from '../../../src/shared/ops/rope-angles';

const bits = (x: number): number => f32Bits(x) | 0;
const OP_PARAMS = [0, 8, 2, 0, 4096, ...[10000, 0.5, 0, 1, 32, 1].map(bits), 0, 0, 0, 0, 6];
const TURN = 2 * Math.PI;

describe('ropeFrequencies', () => {
  const rope = { ...ropeParams(OP_PARAMS), freqScale: 1 };

  it('are base^(-2p/n) radians in turns', () => {
    const frequencies = ropeFrequencies(rope);
    [1, 0.1, 0.01, 0.001].forEach((f, p) => expect(frequencies[p]! * TURN).toBeCloseTo(f, 15));
  });

  it('are divided by frequency factors and multiplied by the scale', () => {
    const [first, second] = ropeFrequencies({ ...rope, freqScale: 0.25 }, Float32Array.of(2, 1, 1, 1));
    expect(first! * TURN).toBeCloseTo(1 / 8, 15);
    expect(second! * TURN).toBeCloseTo(0.1 / 4, 15);
  });

  it('YaRN keeps high frequencies and scales low ones', () => {
    const frequencies = ropeFrequencies({ ...rope, freqScale: 0.25, extFactor: 1 });
    expect(frequencies[0]! * TURN).toBeCloseTo(1, 15);
    expect(frequencies[3]! * TURN).toBeCloseTo(0.25 * 0.001, 15);
  });
});

describe('frequencyWords', () => {
  const rope = ropeParams(OP_PARAMS);
  const wordsOf = (frequencies: readonly number[]): Uint32Array =>
    new Uint32Array(frequencyWords(rope, frequencies).buffer);

  it('hold whole turns and 64 bits below', () => {
    const words = wordsOf([3 + 2 ** -1 + 2 ** -33, 2 ** -64, 0, 1]);
    expect([...words]).toEqual([0, 3, 2 ** 31, 2 ** 31, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0]);
  });

  it('hold a sign and the component of the position', () => {
    const sectioned = { ...rope, mode: 8, sections: [1, 1, 1, 1] as const };
    const words = new Uint32Array(frequencyWords(sectioned, [0.5, -0.5, 0.5, -0.5]).buffer);
    expect([words[0], words[4], words[8], words[12]]).toEqual([0, 5, 2, 7]);
    expect([words[6], words[14]]).toEqual([2 ** 31, 2 ** 31]);
  });
});
