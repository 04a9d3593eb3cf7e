import fs from 'node:fs';
import path from 'node:path';
import type { WeightTensor } from '../../shared/gguf/model-source';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { rowBytes, supportedFormat } from '../../shared/quant/registry';
import { MappedFile } from '../files/mapped-file';
import { sampleBlocks } from './sample-blocks';

/** Elements of a row: whole blocks of every format. */
export const ROW_ELEMENTS = 1 << 14;
/** Distinct rows in the file, repeated: enough that no predictor learns them. */
const DISTINCT_ROWS = 64;

/** A file of one tensor's bytes, mapped as a model is. The caller disposes it, which also deletes the file. */
export class BenchFile {
  private constructor(
    readonly mapped: MappedFile,
    readonly tensor: WeightTensor,
  ) {}

  static create(folder: string, type: GgmlTypeName, rows: number): BenchFile {
    const file = path.join(folder, `${type}.bin`);
    const distinct = Math.min(rows, DISTINCT_ROWS);
    const bytes = sampleBlocks(type, (distinct * ROW_ELEMENTS) / supportedFormat(type).blockElements);
    const fd = fs.openSync(file, 'w');
    try {
      for (let row = 0; row < rows; row += distinct) {
        fs.writeSync(fd, bytes, 0, Math.min(distinct, rows - row) * rowBytes(type, ROW_ELEMENTS));
      }
    } finally {
      fs.closeSync(fd);
    }
    const mapped = MappedFile.open(file);
    return new BenchFile(mapped, benchTensor(type, rows, mapped));
  }

  dispose(): void {
    this.mapped.dispose();
    fs.rmSync(this.mapped.label, { force: true });
  }
}

/** The file's content as a weight; worker threads make their own from an attached mapping. */
export function benchTensor(type: GgmlTypeName, rows: number, mapped: MappedFile): WeightTensor {
  return {
    name: type,
    type,
    ne: [ROW_ELEMENTS, rows, 1, 1],
    byteLength: rows * rowBytes(type, ROW_ELEMENTS),
    copyInto: (offset, length, dst, dstOffset) => mapped.copyInto(offset, length, dst, dstOffset),
  };
}
