import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { assert } from '../../shared/base/assert';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { Progress } from '../../shared/base/progress';
import { checkRows, rowCount } from '../../shared/gguf/decode-rows';
import { supportedFormat } from '../../shared/quant/registry';
import { entryPath } from '../entry-path';
import type { ModelFile } from '../files/model-file';
import type { ModelTensor } from '../files/model-tensor';
import type { DecodeAnswer, DecodeTask } from './decode-task';

/** Steers one decode. */
export interface DecodeOptions {
  /** Aborting makes the call throw CancelledError once the tiles in work are done (milliseconds). */
  readonly signal?: AbortSignal;
  /** Called after each tile; `done` and `total` in rows. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Some rows of a tensor, decoded. */
export interface DecodedTile {
  readonly firstRow: number;
  readonly rows: number;
  /** rows × ne[0] values. The memory is reused: good until the next tile is asked for. */
  readonly values: Float32Array<SharedArrayBuffer>;
}

interface TileRange {
  readonly firstRow: number;
  readonly rows: number;
}

/** Values per tile (4 MiB): some milliseconds of work, so that a cancelled job ends at once. A row is never cut. */
const TILE_ELEMENTS = 1 << 20;
/** Each thread has two tiles of its own, so this also bounds memory (128 MiB). */
const MAX_THREADS = 16;

/**
 * Decodes tensors of one open model on worker threads, tile by tile, into shared memory; the workers read the model
 * through the owner's mapping. Equal bits with RowDecoder. The owner disposes the pool before the model.
 */
export class DecodePool {
  private readonly pool: Piscina<DecodeTask, DecodeAnswer>;
  /** Tiles in work or waiting at a time: every thread has its next one ready. */
  private readonly tilesAhead: number;
  private disposed = false;

  constructor(
    private readonly model: ModelFile,
    threads = Math.min(MAX_THREADS, availableParallelism()),
  ) {
    this.tilesAhead = 2 * threads;
    this.pool = new Piscina<DecodeTask, DecodeAnswer>({
      filename: entryPath('decode-worker'),
      minThreads: 1,
      maxThreads: threads,
      workerData: model.handle(),
    });
  }

  /**
   * Decodes `rows` rows from `firstRow` on.
   * @param into receives the values, rows × ne[0]; allocated when absent. After a failure its content is undefined.
   * Throws QuarrelError (no such tensor or rows, no decoder, file changed) and CancelledError.
   */
  async decodeRows(
    name: string,
    firstRow: number,
    rows: number,
    options: DecodeOptions = {},
    into?: Float32Array<SharedArrayBuffer>,
  ): Promise<Float32Array<SharedArrayBuffer>> {
    const tensor = this.decodable(name);
    checkRows(tensor, firstRow, rows);
    const width = tensor.ne[0];
    const out = into ?? new Float32Array(new SharedArrayBuffer(rows * width * 4));
    assert(out.length >= rows * width, `${rows} rows of ${width} do not fit ${out.length} elements`);

    const tiles = cut(firstRow, rows, width);
    let next = 0;
    let done = 0;
    let failed = false;
    const pull = async (): Promise<void> => {
      for (let tile = tiles[next++]; tile !== undefined && !failed; tile = tiles[next++]) {
        throwIfAborted(options.signal);
        await this.runTile(name, tile, out, (tile.firstRow - firstRow) * width);
        done += tile.rows;
        options.onProgress?.({ stage: 'decode', done, total: rows, detail: name });
      }
    };
    // Wait for all, so that nobody writes into `out` after the caller has seen the failure.
    const fail = (error: unknown): never => {
      failed = true;
      throw error;
    };
    const settled = await Promise.allSettled(Array.from({ length: this.tilesAhead }, () => pull().catch(fail)));
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
    return out;
  }

  /**
   * Streams a whole tensor in row order; memory stays flat, however large the tensor is. Leaving the loop early is
   * fine. Throws like `decodeRows`.
   */
  async *tiles(name: string, options: DecodeOptions = {}): AsyncGenerator<DecodedTile, void, undefined> {
    const tensor = this.decodable(name);
    const width = tensor.ne[0];
    const total = rowCount(tensor);
    const ranges = cut(0, total, width);
    const slots = Math.min(this.tilesAhead, ranges.length);
    const tileBytes = (ranges[0]?.rows ?? 0) * width * 4;
    const buffers = Array.from({ length: slots }, () => new Float32Array(new SharedArrayBuffer(tileBytes)));
    const ahead: Promise<DecodedTile>[] = [];
    const start = (index: number): void => {
      const range = ranges[index];
      if (range === undefined) return;
      const buffer = buffers[index % slots] as Float32Array<SharedArrayBuffer>;
      const values = buffer.subarray(0, range.rows * width);
      const tile = this.runTile(name, range, values, 0).then(() => ({ ...range, values }));
      tile.catch(() => undefined); // a failure is thrown where the tile's turn comes
      ahead.push(tile);
    };

    try {
      for (let i = 0; i < slots; i++) start(i);
      for (let i = 0; i < ranges.length; i++) {
        throwIfAborted(options.signal);
        const tile = await (ahead.shift() as Promise<DecodedTile>);
        options.onProgress?.({ stage: 'decode', done: tile.firstRow + tile.rows, total, detail: name });
        yield tile;
        start(i + slots); // the consumer is back, so the tile's buffer is free
      }
    } finally {
      await Promise.allSettled(ahead);
    }
  }

  /** Ends the threads; waits for the tiles in work. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.pool.close();
  }

  private decodable(name: string): ModelTensor {
    assert(!this.disposed, `tensor ${name} is decoded after the pool was disposed`);
    const tensor = this.model.requireTensor(name);
    supportedFormat(tensor.type);
    return tensor;
  }

  private async runTile(
    tensor: string,
    { firstRow, rows }: TileRange,
    out: Float32Array<SharedArrayBuffer>,
    outOffset: number,
  ): Promise<void> {
    const answer = await this.pool.run({ tensor, firstRow, rows, out, outOffset });
    if (!answer.ok) throw new QuarrelError(answer.error);
  }
}

/** Cuts rows into tiles of whole rows. */
function cut(firstRow: number, rows: number, width: number): TileRange[] {
  const rowsPerTile = Math.max(1, Math.floor(TILE_ELEMENTS / Math.max(1, width)));
  const tiles: TileRange[] = [];
  for (let row = 0; row < rows; row += rowsPerTile) {
    tiles.push({ firstRow: firstRow + row, rows: Math.min(rowsPerTile, rows - row) });
  }
  return tiles;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}
