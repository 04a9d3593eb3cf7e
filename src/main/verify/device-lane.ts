import { QuarrelError } from '../../shared/base/errors';
import { DeviceLostError } from '../../shared/gpu/gpu-session';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import type { DeviceDecoder } from './device-decoder';
import type { Tile, TileSource } from './tile';
import { copyTileBytes, TILE_VALUES } from './tile';

/** Bytes of a tile of the widest types, f64 and i64. */
const TILE_BYTES = 8 * TILE_VALUES;

/** A device's tiles, one decoded at a time, each in shared memory that the workers read. */
export class DeviceLane {
  decodeMs = 0;
  /** A shader may fail for one type alone; a lost device fails for all. */
  private readonly failures = new Map<GgmlTypeName, string>();
  private lost: string | undefined;
  private readonly bytes = new Uint8Array(TILE_BYTES);
  private readonly slots: Float32Array<SharedArrayBuffer>[];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly decoder: DeviceDecoder,
    slots: number,
  ) {
    this.slots = Array.from({ length: slots }, () => new Float32Array(new SharedArrayBuffer(4 * TILE_VALUES)));
  }

  /** Why blocks of this type cannot be decoded, or no longer; undefined while they can. */
  failure(type: GgmlTypeName): string | undefined {
    return this.lost ?? this.failures.get(type) ?? this.decoder.missing(type);
  }

  /** The tile's values, in slot `slot` of this lane's memory; undefined where `failure` says why there are none. */
  decode(source: TileSource, tile: Tile, slot: number): Promise<Float32Array<SharedArrayBuffer> | undefined> {
    const own = this.turn.then(() => this.decodeNow(source, tile, slot));
    this.turn = own.catch(() => undefined); // whoever asked for the tile sees its failure; the next one has its turn
    return own;
  }

  private async decodeNow(
    source: TileSource,
    tile: Tile,
    slot: number,
  ): Promise<Float32Array<SharedArrayBuffer> | undefined> {
    if (this.failure(source.type) !== undefined) return undefined;
    const bytes = this.bytes.subarray(0, copyTileBytes(source, tile, 0, tile.values, this.bytes));
    const startedAt = performance.now();
    try {
      const values = await this.decoder.decode(source.type, bytes);
      const out = this.slots[slot % this.slots.length]!;
      out.set(values);
      return out;
    } catch (error) {
      if (error instanceof DeviceLostError) this.lost = `the device was lost: ${error.message}`;
      else if (error instanceof QuarrelError) this.failures.set(source.type, error.message);
      else throw error;
      return undefined;
    } finally {
      this.decodeMs += performance.now() - startedAt;
    }
  }
}
