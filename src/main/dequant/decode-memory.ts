import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import * as codebooks from '../../shared/quant/i-quants-tables';
import { decoderModule, instantiate } from './decoder-module';
import type { DecoderExports } from './decoder-module';

/** Room for one decode at a time: a window of encoded bytes and a tile of values. Addresses in bytes, 16-byte steps. */
export interface DecodeSlot {
  readonly window: number;
  readonly tile: number;
  /** f32 that fit the tile. */
  readonly tileElements: number;
}

/** What another thread needs to decode into the owner's slots; can be structured-cloned. */
export interface DecodeMemoryHandle {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** Encoded bytes decoded at a time: large enough to amortise the copy, small enough to stay in the second-level cache. */
export const WINDOW_BYTES = 1 << 17;

const PAGE = 1 << 16;
/** What 32-bit addresses reach. */
const MAX_PAGES = 1 << 16;

/**
 * The shared memory that the WASM decoders work in: codebooks, then slots that are leased and given back. Slots are
 * reused, so the memory is as large as the most that was ever leased at a time.
 */
export class DecodeMemory {
  private readonly module = decoderModule();
  private readonly memory: WebAssembly.Memory;
  private readonly free: DecodeSlot[] = [];
  private end: number;

  /** Throws QuarrelError when the decoders are not built or the memory cannot be had. */
  constructor() {
    this.memory = createMemory();
    const exports = instantiate(this.module, this.memory);
    this.end = exports.TABLES_END.value;
    assert(this.end <= PAGE, `the codebooks end at ${this.end}, past the first page`);
    writeTables(exports, this.memory);
  }

  handle(): DecodeMemoryHandle {
    return { module: this.module, memory: this.memory };
  }

  /** A slot for tiles of `tileElements` values. Throws QuarrelError when the memory cannot grow. */
  lease(tileElements: number): DecodeSlot {
    const at = this.free.findIndex((slot) => slot.tileElements >= tileElements);
    if (at >= 0) return this.free.splice(at, 1)[0] as DecodeSlot;
    const window = roundUp(this.end, 64);
    const tile = window + WINDOW_BYTES;
    const slot = { window, tile, tileElements };
    this.grow(tile + tileElements * 4);
    return slot;
  }

  giveBack(slot: DecodeSlot): void {
    this.free.push(slot);
  }

  /** The values of a slot's tile, in place. */
  values(slot: DecodeSlot, elements: number): Float32Array<SharedArrayBuffer> {
    assert(elements <= slot.tileElements, `${elements} values in a tile of ${slot.tileElements}`);
    return new Float32Array(this.memory.buffer, slot.tile, elements);
  }

  private grow(end: number): void {
    const pages = Math.ceil(end / PAGE) - this.memory.buffer.byteLength / PAGE;
    try {
      if (pages > 0) this.memory.grow(pages);
    } catch {
      throw new QuarrelError(
        `no memory to decode into: ${Math.ceil(end / 2 ** 20)} MiB were asked for, at most 4096 are`,
      );
    }
    this.end = end;
  }
}

function createMemory(): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
  } catch (error) {
    throw new QuarrelError(`no shared memory for the WASM decoders: ${(error as Error).message}`);
  }
}

function writeTables(exports: DecoderExports, memory: WebAssembly.Memory): void {
  const bytes = new Int8Array(memory.buffer);
  const { EVEN_SIGNS, IQ1S, IQ2S, IQ2XS, IQ2XXS, IQ3S, IQ3XXS } = codebooks;
  bytes.set(IQ2XXS, exports.IQ2XXS_GRID.value);
  bytes.set(IQ2XS, exports.IQ2XS_GRID.value);
  bytes.set(IQ2S, exports.IQ2S_GRID.value);
  bytes.set(IQ3XXS, exports.IQ3XXS_GRID.value);
  bytes.set(IQ3S, exports.IQ3S_GRID.value);
  const eightfold = IQ1S.map((value) => 8 * value);
  bytes.set(eightfold, exports.IQ1S_GRID_TIMES_8.value);
  const mask = (_: unknown, i: number): number => -(((EVEN_SIGNS[i >> 3] as number) >> (i & 7)) & 1);
  bytes.set(Int8Array.from({ length: EVEN_SIGNS.length * 8 }, mask), exports.KSIGNS.value);
}

function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}
