import type { LaneDifference } from '../../shared/compare/decode-difference';
import type { OddScales } from '../../shared/compare/decode-scales';
import type { ValueSums } from '../../shared/compare/decode-values';
import type { Result } from '../../shared/base/result';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { ModelTensor } from '../files/model-tensor';

/** Values per tile (4 MiB per lane): some milliseconds of work, so that a cancelled job ends at once. */
export const TILE_VALUES = 1 << 20;
/** Values of a sampled run: one super-block, or as many smaller blocks. A multiple of every type's block. */
export const RUN_VALUES = 256;

/** Values of one tensor that are checked together. */
export interface Tile {
  readonly tensor: string;
  /** First element of each run, ascending. One run of any length, or many of RUN_VALUES (the last may be shorter). */
  readonly runs: readonly number[];
  readonly values: number;
}

/** The tensor that tiles are read from. */
export type TileSource = Pick<ModelTensor, 'type' | 'readInto'>;

/** Lanes that worker threads decode themselves. */
export type CpuLane = 'scalar' | 'wasm' | 'llama';

/** What a worker compares with the judge. */
export type TileLane =
  | { readonly kind: 'cpu'; readonly lane: CpuLane }
  /** Decoded elsewhere, by a device. */
  | { readonly kind: 'device'; readonly values: Float32Array<SharedArrayBuffer> };

export interface TileTask extends Tile {
  readonly judge: CpuLane;
  readonly lanes: readonly TileLane[];
}

export interface TileReport {
  readonly values: Omit<ValueSums, 'bins'> & { readonly bins: Uint32Array };
  readonly hash: bigint;
  readonly scales: readonly OddScales[];
  /** As `TileTask.lanes`. */
  readonly lanes: readonly LaneDifference[];
  /** Milliseconds of decoding in this thread: the judge's, then as `lanes`. */
  readonly decodeMs: readonly number[];
}

/** An expected failure comes back as a value: an error's class does not survive the way between threads. */
export type TileAnswer = Result<TileReport>;

/** Cuts a whole tensor into tiles. */
export function wholeTiles(tensor: string, elements: number): Tile[] {
  const tiles: Tile[] = [];
  for (let at = 0; at < elements; at += TILE_VALUES) {
    tiles.push({ tensor, runs: [at], values: Math.min(TILE_VALUES, elements - at) });
  }
  return tiles;
}

/** At most `sample` runs, spread evenly over the tensor, first and last included. */
export function sampledTiles(tensor: string, elements: number, sample: number): Tile[] {
  const runs = Math.ceil(elements / RUN_VALUES);
  if (runs <= sample) return wholeTiles(tensor, elements);
  const starts = Array.from({ length: sample }, (_, i) =>
    sample === 1 ? 0 : Math.floor((i * (runs - 1)) / (sample - 1)) * RUN_VALUES,
  );
  const perTile = TILE_VALUES / RUN_VALUES;
  const tiles: Tile[] = [];
  for (let i = 0; i < starts.length; i += perTile) {
    const own = starts.slice(i, i + perTile);
    const lastRun = Math.min(RUN_VALUES, elements - own.at(-1));
    tiles.push({ tensor, runs: own, values: (own.length - 1) * RUN_VALUES + lastRun });
  }
  return tiles;
}

/** Element of the tensor at position `at` of the tile. */
export function elementAt({ runs }: Pick<Tile, 'runs'>, at: number): number {
  if (runs.length === 1) return runs[0]! + at;
  return runs[Math.floor(at / RUN_VALUES)]! + (at % RUN_VALUES);
}

/**
 * Copies the blocks of `count` values, from position `at` of the tile on, to the start of `dst`. Where the tile has
 * several runs, `at` begins one. Returns the number of bytes.
 */
export function copyTileBytes(
  source: TileSource,
  tile: Pick<Tile, 'runs'>,
  at: number,
  count: number,
  dst: Uint8Array,
): number {
  const { blockBytes, blockElements } = QUANT_FORMATS[source.type];
  const bytesOf = (values: number): number => (values / blockElements) * blockBytes;
  const step = tile.runs.length === 1 ? count : RUN_VALUES;
  for (let done = 0; done < count; done += step) {
    const values = Math.min(step, count - done);
    source.readInto(bytesOf(elementAt(tile, at + done)), bytesOf(values), dst, bytesOf(done));
  }
  return bytesOf(count);
}
