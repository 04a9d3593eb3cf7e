import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';

import { learnBytePairs } from '../../build/tiny-model/byte-pairs';
import { Random } from '../../build/tiny-model/random';
import { makeTinyModel } from '../../build/tiny-model/tiny-model';
import { TINY_MODEL } from '../main/capture/capture-fixture';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

// ggml's quantizers are plain C, but compilers fuse multiply and add on arm64, so the last bits may differ there.
describe.skipIf(process.arch !== 'x64')('the tiny model', () => {
  it('is what build/make-tiny-model.mjs makes', () => {
    const committed = fs.readFileSync(TINY_MODEL);
    expect(committed.length).toBeLessThan(4e6);
    expect(sha256(makeTinyModel())).toBe(sha256(committed));
  });

  it('changes with the seed', () => {
    expect(sha256(makeTinyModel(1))).not.toBe(sha256(fs.readFileSync(TINY_MODEL)));
  });
});

describe('learnBytePairs', () => {
  it('learns the most frequent pairs first', () => {
    const { tokens, merges } = learnBytePairs(' ab ab ab cd', 3);
    expect(merges).toEqual(['a b', 'Ġ ab', 'c d']);
    expect(tokens.slice(256)).toEqual(['ab', 'Ġab', 'cd']);
  });

  it('refuses more merges than the text has', () => {
    expect(() => learnBytePairs('ab', 5)).toThrow('only 1 pairs, 5 are wanted');
  });
});

describe('Random', () => {
  it('repeats itself from a seed, with the moments that it promises', () => {
    const [a, b] = [new Random(7), new Random(7)];
    const values = Array.from({ length: 20_000 }, () => a.normal());
    expect(Array.from({ length: 100 }, () => b.normal())).toEqual(values.slice(0, 100));
    const mean = values.reduce((s, v) => s + v, 0) / values.length;
    const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
  });
});
