import { assert } from '../../shared/base/assert';
import { checkRows } from '../../shared/gguf/decode-rows';
import type { WeightTensor } from '../../shared/gguf/model-source';
import type { DequantizeBlocks } from '../../shared/quant/format';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { rowBytes, supportedFormat } from '../../shared/quant/registry';
import { WINDOW_BYTES } from './decode-memory';
import type { DecodeMemoryHandle, DecodeSlot } from './decode-memory';
import { instantiate } from './decoder-module';
import type { DecoderExports } from './decoder-module';

/** Values decoded at a time where they are copied on: they are still in the second-level cache then. */
const SCRATCH_ELEMENTS = 1 << 16;

/**
 * Decodes on this thread with the WASM decoders, in slots of an owner's memory; nothing to dispose. Encoded bytes are
 * copied into the slot's window. Equal bits with the scalar references.
 */
export class WasmDecoder {
  private readonly exports: DecoderExports;
  private readonly memory: WebAssembly.Memory;
  private bytes: Uint8Array<SharedArrayBuffer>;

  constructor({ module, memory }: DecodeMemoryHandle) {
    this.exports = instantiate(module, memory);
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
  }

  /**
   * Decodes rows of a weight into the slot's tile.
   * Throws QuarrelError where the rows do not exist or the file cannot be read.
   */
  decodeTile(tensor: WeightTensor, firstRow: number, rows: number, slot: DecodeSlot): void {
    checkRows(tensor, firstRow, rows);
    const elements = rows * tensor.ne[0];
    assert(elements <= slot.tileElements, `${elements} values for a tile of ${slot.tileElements}`);
    const { blockBytes, blockElements } = supportedFormat(tensor.type);
    const bytes = this.view(slot);
    const { window } = slot;
    const dequantize = this.exports[tensor.type];
    const perWindow = Math.floor(WINDOW_BYTES / blockBytes);
    let offset = firstRow * rowBytes(tensor.type, tensor.ne[0]);
    let out = slot.tile;
    for (let left = elements / blockElements; left > 0; left -= perWindow) {
      const blocks = Math.min(left, perWindow);
      tensor.copyInto(offset, blocks * blockBytes, bytes, window);
      dequantize(window, blocks, out);
      offset += blocks * blockBytes;
      out += blocks * blockElements * 4;
    }
  }

  /** The slot's tile, in place. */
  values(slot: DecodeSlot): Float32Array<SharedArrayBuffer> {
    return new Float32Array(this.view(slot).buffer, slot.tile, slot.tileElements);
  }

  /** As RowDecoder.decode: rows of a weight to element `dstOffset` on of any array, by way of the slot. */
  decodeRows(
    tensor: WeightTensor,
    firstRow: number,
    rows: number,
    slot: DecodeSlot,
    dst: Float32Array,
    dstOffset: number,
  ): void {
    checkRows(tensor, firstRow, rows);
    assert(dstOffset + rows * tensor.ne[0] <= dst.length, `${rows} rows do not fit ${dst.length} elements`);
    const { blockBytes, blockElements } = supportedFormat(tensor.type);
    const from = firstRow * rowBytes(tensor.type, tensor.ne[0]);
    const blocks = (rows * tensor.ne[0]) / blockElements;
    this.through(tensor.type, slot, blocks, dst, dstOffset, (first, count, bytes, at) => {
      tensor.copyInto(from + first * blockBytes, count * blockBytes, bytes, at);
    });
  }

  /** The decoder of a type with the scalar references' interface, by way of the slot. */
  dequantize(type: GgmlTypeName, slot: DecodeSlot): DequantizeBlocks {
    const { blockBytes } = supportedFormat(type);
    return (src, srcOffset, blocks, dst, dstOffset) => {
      this.through(type, slot, blocks, dst, dstOffset, (first, count, bytes, at) => {
        const from = srcOffset + first * blockBytes;
        bytes.set(src.subarray(from, from + count * blockBytes), at);
      });
    };
  }

  /** Fills the window, decodes into the tile, copies on: until all blocks are done. */
  private through(
    type: GgmlTypeName,
    slot: DecodeSlot,
    blocks: number,
    dst: Float32Array,
    dstOffset: number,
    fill: (firstBlock: number, blocks: number, bytes: Uint8Array, at: number) => void,
  ): void {
    const { blockBytes, blockElements } = supportedFormat(type);
    const bytes = this.view(slot);
    const scratch = Math.min(SCRATCH_ELEMENTS, slot.tileElements);
    const perWindow = Math.min(Math.floor(WINDOW_BYTES / blockBytes), Math.floor(scratch / blockElements));
    assert(perWindow > 0, `a tile of ${slot.tileElements} holds no block of ${type}`);
    const tile = new Float32Array(bytes.buffer, slot.tile, perWindow * blockElements);
    const dequantize = this.exports[type];
    for (let first = 0; first < blocks; first += perWindow) {
      const count = Math.min(perWindow, blocks - first);
      fill(first, count, bytes, slot.window);
      dequantize(slot.window, count, slot.tile);
      const values = count === perWindow ? tile : tile.subarray(0, count * blockElements);
      dst.set(values, dstOffset + first * blockElements);
    }
  }

  /** The memory, at least as far as the slot reaches: its owner may have grown it since. */
  private view(slot: DecodeSlot): Uint8Array<SharedArrayBuffer> {
    const end = slot.tile + slot.tileElements * 4;
    if (this.bytes.length < end) {
      this.memory.grow(0);
      this.bytes = new Uint8Array(this.memory.buffer);
    }
    assert(this.bytes.length >= end, `a slot ends at ${end} in a memory of ${this.bytes.length} bytes`);
    return this.bytes;
  }
}
