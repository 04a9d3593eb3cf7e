import { describe, expect, it } from 'vitest';

import { StateNames } from '../../../src/main/capture/state-names';

describe('StateNames', () => {
  it('names only further states of a name, and each at its address the same again', () => {
    const states = new StateNames();
    const seen: readonly (readonly [bigint, string])[] = [
      [0x100n, 'cache_k_l0'],
      [0x200n, 'cache_k_l1'],
      [0x300n, 'cache_k_l0'],
      [0x100n, 'cache_k_l0'],
      [0x300n, 'cache_k_l0'],
      [0x400n, 'cache_k_l0'],
      [0x200n, 'cache_k_l1'],
    ];
    expect(seen.map(([address, name]) => states.apart(address, name))).toEqual([
      ...[undefined, undefined, 'cache_k_l0@2', undefined, 'cache_k_l0@2', 'cache_k_l0@3', undefined],
    ]);
  });
});
