import { describe, expect, it } from 'vitest';

import { TensorReader } from '../../../src/main/capture/tensor-data';
import type { Dims } from '../../../src/shared/graph/graph';

/** Memory whose 32-bit words count up, and a reader of it. */
function memory(words: number): { data: Int32Array; read: (dst: Uint8Array, offset: number, length: number) => void } {
  const data = Int32Array.from({ length: words }, (_, i) => i);
  const bytes = new Uint8Array(data.buffer);
  return { data, read: (dst, offset, length) => dst.set(bytes.subarray(offset, offset + length)) };
}

function expected(ne: Dims, nb: Dims): number[] {
  const out: number[] = [];
  for (let d = 0; d < ne[3]; d++)
    for (let c = 0; c < ne[2]; c++)
      for (let b = 0; b < ne[1]; b++)
        for (let a = 0; a < ne[0]; a++) out.push((a * nb[0] + b * nb[1] + c * nb[2] + d * nb[3]) / 4);
  return out;
}

const words = (bytes: Uint8Array): number[] => Array.from(new Int32Array(bytes.slice().buffer));

describe('TensorReader', () => {
  it.each<[string, Dims, Dims]>([
    ['contiguous', [5, 3, 2, 2], [4, 20, 60, 120]],
    ['rows of a wider matrix', [3, 4, 2, 1], [4, 28, 112, 224]],
    ['permuted', [4, 3, 5, 1], [4, 80, 16, 240]],
    ['transposed', [6, 5, 1, 2], [20, 4, 120, 120]],
    ['a single column', [1, 7, 1, 1], [12, 40, 280, 280]],
    ['broadcast rows', [3, 4, 1, 1], [4, 0, 12, 12]],
  ])('reads %s', (_name, ne, nb) => {
    const bytes = new TensorReader().read({ ne, nb }, 4, memory(1000).read);
    expect(words(bytes)).toEqual(expected(ne, nb));
  });

  it('reads nothing of an empty tensor', () => {
    const read = (): void => {
      throw new Error('read of an empty tensor');
    };
    expect(new TensorReader().read({ ne: [4, 0, 1, 1], nb: [4, 16, 0, 0] }, 4, read)).toHaveLength(0);
  });

  it('reuses its buffers without leaking a larger tensor into a smaller one', () => {
    const reader = new TensorReader();
    const { read } = memory(1000);
    reader.read({ ne: [100, 5, 1, 1], nb: [4, 400, 2000, 2000] }, 4, read);
    expect(words(reader.read({ ne: [2, 2, 1, 1], nb: [4, 40, 80, 80] }, 4, read))).toEqual([0, 1, 10, 11]);
  });
});
