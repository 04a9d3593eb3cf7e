import { availableParallelism } from 'node:os';
import { assert } from '../../shared/base/assert';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { Progress } from '../../shared/base/progress';
import { checkRows, rowCount } from '../../shared/gguf/decode-rows';
import { supportedFormat } from '../../shared/quant/registry';
import { DecodeMemory } from '../dequant/decode-memory';
import type { DecodeSlot } from '../dequant/decode-memory';
import type { ModelFile } from '../files/model-file';
import type { ModelTensor } from '../files/model-tensor';
import type { DecodeAnswer, Decoder, DecodeTarget, DecodeTask, DecodeWorkerData } from './decode-task';
import { WorkerPool } from './worker-pool';

/** Steers one decode. */
export interface DecodeOptions {
  /** Aborting makes the call throw CancelledError once the tiles in work are done (milliseconds). */
  readonly signal?: AbortSignal;
  /** Called after each tile; `done` and `total` in rows. */
  readonly onProgress?: (progress: Progress) => void;
  /** `wasm` unless given; `scalar` is the reference. */
  readonly decoder?: Decoder;
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
/** Each thread has two tiles of its own, so this also bounds memory (132 MiB). */
const MAX_THREADS = 16;

/**
 * Decodes tensors of one open model on worker threads, tile by tile, into shared memory; the workers read the model
 * through the owner's mapping, and decode with WASM unless told otherwise. Equal bits with RowDecoder. The owner disposes the pool before the model.
 */
export class DecodePool {
  private readonly pool: WorkerPool<DecodeTask, DecodeAnswer>;
  private readonly memory = new DecodeMemory();
  /** Tiles in work or waiting at a time: every thread has its next one ready. */
  private readonly tilesAhead: number;
  private disposed = false;

  constructor(
    private readonly model: ModelFile,
    threads = Math.min(MAX_THREADS, availableParallelism()),
  ) {
    this.tilesAhead = 2 * threads;
    const data: DecodeWorkerData = { model: model.handle(), memory: this.memory.handle() };
    this.pool = new WorkerPool('decode-worker', threads, data);
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
    const pull = async (slot: DecodeSlot): Promise<void> => {
      for (let tile = tiles[next++]; tile !== undefined && !failed; tile = tiles[next++]) {
        throwIfAborted(options.signal);
        const into = { values: out, offset: (tile.firstRow - firstRow) * width };
        await this.runTile(name, tile, options, slot, into);
        done += tile.rows;
        options.onProgress?.({ stage: 'decode', done, total: rows, detail: name });
      }
    };
    // Wait for all, so that nobody writes into `out` after the caller has seen the failure.
    const fail = (error: unknown): never => {
      failed = true;
      throw error;
    };
    const slots = this.leaseSlots(Math.min(this.tilesAhead, tiles.length), 1);
    const settled = await Promise.allSettled(slots.map((slot) => pull(slot).catch(fail)));
    this.giveBack(slots);
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
    const slots = this.leaseSlots(Math.min(this.tilesAhead, ranges.length), (ranges[0]?.rows ?? 0) * width);
    const ahead: Promise<DecodedTile>[] = [];
    const start = (index: number): void => {
      const range = ranges[index];
      if (range === undefined) return;
      const slot = slots[index % slots.length] as DecodeSlot;
      const values = this.memory.values(slot, range.rows * width);
      const tile = this.runTile(name, range, options, slot).then(() => ({ ...range, values }));
      tile.catch(() => undefined); // a failure is thrown where the tile's turn comes
      ahead.push(tile);
    };

    try {
      for (let i = 0; i < slots.length; i++) start(i);
      for (let i = 0; i < ranges.length; i++) {
        throwIfAborted(options.signal);
        const tile = await (ahead.shift() as Promise<DecodedTile>);
        options.onProgress?.({ stage: 'decode', done: tile.firstRow + tile.rows, total, detail: name });
        yield tile;
        start(i + slots.length); // the consumer is back, so the tile's buffer is free
      }
    } finally {
      await Promise.allSettled(ahead);
      this.giveBack(slots);
    }
  }

  /** Ends the threads; waits for the tiles in work. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.pool.dispose();
  }

  private decodable(name: string): ModelTensor {
    assert(!this.disposed, `tensor ${name} is decoded after the pool was disposed`);
    const tensor = this.model.requireTensor(name);
    supportedFormat(tensor.type);
    return tensor;
  }

  /** Slots of one size, but for wider rows, so that any slot given back serves the next call. */
  private leaseSlots(count: number, tileElements: number): DecodeSlot[] {
    const size = Math.max(tileElements, TILE_ELEMENTS);
    return Array.from({ length: count }, () => this.memory.lease(size));
  }

  private giveBack(slots: readonly DecodeSlot[]): void {
    for (const slot of slots) this.memory.giveBack(slot);
  }

  private async runTile(
    tensor: string,
    { firstRow, rows }: TileRange,
    { decoder = 'wasm' }: DecodeOptions,
    slot: DecodeSlot,
    into?: DecodeTarget,
  ): Promise<void> {
    const answer = await this.pool.run({ tensor, firstRow, rows, decoder, slot, into });
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
