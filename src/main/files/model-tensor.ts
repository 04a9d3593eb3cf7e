import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { Dims } from '../../shared/graph/graph';
import type { WeightTensor } from '../../shared/gguf/model-source';
import type { GgufTensor } from '../../shared/gguf/tensor-directory';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { MappedFile } from './mapped-file';

/** One weight in a mapped file. Data of big-endian files come out little-endian where elements are plain numbers. */
export class ModelTensor implements WeightTensor {
  readonly name: string;
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  readonly byteLength: number;
  /** First byte in the file. */
  readonly fileOffset: number;
  /** Bytes of one number to be reversed; 1 for little-endian files. */
  private readonly swapUnit: number;

  constructor(
    entry: GgufTensor,
    private readonly file: MappedFile,
    bigEndian: boolean,
  ) {
    const { name, type, byteLength, problem } = entry;
    if (problem !== undefined) throw new QuarrelError(`${file.label}: tensor ${name} cannot be read: ${problem}`);
    assert(type !== undefined && byteLength !== undefined, `tensor ${name} has no problem and no size`);
    const { blockBytes } = QUANT_FORMATS[type];
    this.name = name;
    this.type = type;
    this.ne = entry.ne;
    this.byteLength = byteLength;
    this.fileOffset = entry.offset;
    this.swapUnit = bigEndian ? blockBytes : 1;
  }

  /** The file the data lie in. */
  get path(): string {
    return this.file.label;
  }

  copyInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    this.checkRange(offset, length);
    this.file.copyInto(this.fileOffset + offset, length, dst, dstOffset);
    this.swap(offset, length, dst, dstOffset);
  }

  /** As `copyInto`, for a tensor that is streamed once; see MappedFile. */
  readInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    this.checkRange(offset, length);
    this.file.readInto(this.fileOffset + offset, length, dst, dstOffset);
    this.swap(offset, length, dst, dstOffset);
  }

  private checkRange(offset: number, length: number): void {
    const { name, byteLength } = this;
    if (offset >= 0 && length >= 0 && offset + length <= byteLength) return;
    throw new QuarrelError(
      `${this.path}: bytes ${offset}…${offset + length - 1} of tensor ${name}: it has ${byteLength} bytes`,
    );
  }

  /** Little-endian from a big-endian file. */
  private swap(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    const { name, swapUnit } = this;
    if (swapUnit === 1) return;
    assert(offset % swapUnit === 0 && length % swapUnit === 0, `a window of ${name} cuts an element`);
    for (let i = dstOffset; i < dstOffset + length; i += swapUnit) dst.subarray(i, i + swapUnit).reverse();
  }
}
