import { describe, expect, it } from 'vitest';
import type { Tile, TileSource } from '../../../src/main/verify/tile';
import {
  copyTileBytes,
  elementAt,
  RUN_VALUES,
  sampledTiles,
  TILE_VALUES,
  wholeTiles,
} from '../../../src/main/verify/tile';
import { randomBytes } from '../../helpers/random';

/** Every element of the tensor that tiles hold, in their order. */
const elementsOf = (tiles: readonly Tile[]): number[] =>
  tiles.flatMap((tile) => Array.from({ length: tile.values }, (_, i) => elementAt(tile, i)));

describe('tiles', () => {
  it('hold every element once', () => {
    const tiles = wholeTiles('t', 2 * TILE_VALUES + 5);
    expect(tiles.map((t) => [t.runs, t.values])).toEqual([
      [[0], TILE_VALUES],
      [[TILE_VALUES], TILE_VALUES],
      [[2 * TILE_VALUES], 5],
    ]);
    expect(wholeTiles('t', 0)).toEqual([]);
  });

  it.each([
    [10_000, 1],
    [10_000, 2],
    [10_000, 7],
    [10_000, 39],
    [257, 1],
  ])('of %i elements sampled %i times hold whole runs, first and last among them', (elements, sample) => {
    const own = elementsOf(sampledTiles('t', elements, sample));
    const starts = own.filter((e, i) => i === 0 || e !== own[i - 1]! + 1 || e % RUN_VALUES === 0);
    expect(starts).toHaveLength(sample);
    expect(starts.every((e) => e % RUN_VALUES === 0)).toBe(true);
    expect(starts[0]).toBe(0);
    if (sample > 1) expect(own.at(-1)).toBe(elements - 1);
    expect(new Set(own).size).toBe(own.length);
  });

  it('of a sample larger than the tensor hold all of it', () => {
    expect(sampledTiles('t', 10_000, 40)).toEqual(wholeTiles('t', 10_000));
  });

  it('copy the bytes of their elements', () => {
    const bytes = randomBytes(4 * 2000, 3);
    const source: TileSource = {
      type: 'F32',
      readInto: (offset, length, dst, at) => dst.set(bytes.subarray(offset, offset + length), at),
    };
    const words = new Uint32Array(bytes.buffer);
    for (const tile of [...sampledTiles('t', 2000, 5), ...wholeTiles('t', 2000)]) {
      const copied = new Uint8Array(4 * tile.values);
      expect(copyTileBytes(source, tile, 0, tile.values, copied)).toBe(4 * tile.values);
      const expected = Array.from({ length: tile.values }, (_, i) => words[elementAt(tile, i)]);
      expect(Array.from(new Uint32Array(copied.buffer))).toEqual(expected);
      copyTileBytes(source, tile, 256, 300, copied);
      expect(Array.from(new Uint32Array(copied.buffer, 0, 300))).toEqual(expected.slice(256, 556));
    }
  });
});
