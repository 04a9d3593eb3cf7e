import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import { rowBytes, supportedFormat } from '../quant/registry';
import type { WeightTensor } from './model-source';

/** Bytes decoded at a time: large enough to amortise the copy, small enough to stay in the second-level cache. */
const WINDOW_BYTES = 1 << 18;

/** Number of rows of a tensor: everything but dimension 0. */
export function rowCount(tensor: Pick<WeightTensor, 'ne'>): number {
  return tensor.ne[1] * tensor.ne[2] * tensor.ne[3];
}

/**
 * Decodes rows of a weight to f32 on this thread, window by window; keeps one window's buffer between calls.
 * Equal bits with libggml-base (see quant/format.ts).
 */
export class RowDecoder {
  private window = new Uint8Array(0);

  /**
   * @param dst receives rows × ne[0] values from element `dstOffset` on
   * Throws QuarrelError for a type without decoder and where the file cannot be read.
   */
  decode(tensor: WeightTensor, firstRow: number, rows: number, dst: Float32Array, dstOffset = 0): void {
    const { blockBytes, blockElements, dequantize } = supportedFormat(tensor.type);
    checkRows(tensor, firstRow, rows);
    assert(dstOffset + rows * tensor.ne[0] <= dst.length, `${rows} rows do not fit ${dst.length} elements`);
    if (this.window.length === 0) this.window = new Uint8Array(WINDOW_BYTES);
    const window = this.window;
    const blocksPerWindow = Math.floor(WINDOW_BYTES / blockBytes);
    let offset = firstRow * rowBytes(tensor.type, tensor.ne[0]);
    let left = (rows * tensor.ne[0]) / blockElements;
    let out = dstOffset;
    while (left > 0) {
      const blocks = Math.min(left, blocksPerWindow);
      tensor.copyInto(offset, blocks * blockBytes, window, 0);
      dequantize(window, 0, blocks, dst, out);
      offset += blocks * blockBytes;
      out += blocks * blockElements;
      left -= blocks;
    }
  }
}

/** Throws QuarrelError unless rows `firstRow` … `firstRow + rows − 1` exist. */
export function checkRows(tensor: WeightTensor, firstRow: number, rows: number): void {
  const total = rowCount(tensor);
  const sane = Number.isInteger(firstRow) && Number.isInteger(rows) && firstRow >= 0 && rows >= 0;
  if (sane && firstRow + rows <= total) return;
  throw new QuarrelError(
    `rows ${firstRow}…${firstRow + rows - 1} of tensor ${tensor.name}: it has ${total} rows (0…${total - 1})`,
  );
}

/** A whole weight as f32, on this thread: ne[0] × rows values in memory order. */
export function decodeTensor(tensor: WeightTensor): Float32Array<ArrayBuffer> {
  const rows = rowCount(tensor);
  const out = new Float32Array(rows * tensor.ne[0]);
  new RowDecoder().decode(tensor, 0, rows, out);
  return out;
}
