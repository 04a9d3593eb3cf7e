import fs from 'node:fs';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { ByteSource } from '../../shared/gguf/byte-source';
import { mappingApi } from './mapping-api';
import { openRegular } from './open-regular';

/**
 * A mapping as another worker thread of the same process may use it; can be structured-cloned. It owns nothing and is
 * good until the owner disposes the file.
 */
export interface MappedFileHandle {
  readonly path: string;
  readonly address: bigint;
  readonly size: number;
  readonly fd: number;
  /** One int32, set to 1 when the owner has disposed the mapping. */
  readonly disposed: SharedArrayBuffer;
}

/**
 * A file mapped read-only. Bytes are copied out in windows: V8's memory cage forbids views of foreign memory. Before
 * each copy the file's size is checked, since reading a mapped page of a file that was cut raises SIGBUS.
 */
export class MappedFile implements ByteSource {
  readonly label: string;
  readonly size: number;
  private readonly disposedFlag: Int32Array;

  private constructor(
    private readonly mapping: MappedFileHandle,
    private readonly owner: boolean,
  ) {
    this.label = mapping.path;
    this.size = mapping.size;
    this.disposedFlag = new Int32Array(mapping.disposed);
  }

  /** Maps a file; the caller disposes it. Throws QuarrelError when it is missing, empty or cannot be mapped. */
  static open(path: string): MappedFile {
    const { fd, stat } = openRegular(path);
    try {
      if (stat.size === 0) throw new QuarrelError(`${path}: the file is empty`);
      const address = mappingApi().map(path, fd, stat.size);
      const disposed = new SharedArrayBuffer(4);
      return new MappedFile({ path, address, size: stat.size, fd, disposed }, true);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  /** Uses a mapping that another thread of this process owns. */
  static attach(handle: MappedFileHandle): MappedFile {
    return new MappedFile(handle, false);
  }

  /** For `attach` in another thread. */
  handle(): MappedFileHandle {
    return this.mapping;
  }

  copyInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    this.checkRange(offset, length, dst, dstOffset);
    if (fs.fstatSync(this.mapping.fd).size !== this.size) throw this.changed();
    if (length === 0) return;
    mappingApi().copy(dst.subarray(dstOffset, dstOffset + length), this.mapping.address + BigInt(offset), length);
  }

  /**
   * As `copyInto`, but by way of the file system: for whoever streams a file once. Pages of a mapping stay in the
   * process's memory and each costs a fault at its first touch; a read costs neither.
   */
  readInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    this.checkRange(offset, length, dst, dstOffset);
    for (let done = 0; done < length;) {
      const read = this.readSome(dst, dstOffset + done, length - done, offset + done);
      if (read === 0) throw this.changed();
      done += read;
    }
  }

  /** Unmaps the file where this is the owner. No other thread may be copying. */
  dispose(): void {
    if (!this.owner || Atomics.exchange(this.disposedFlag, 0, 1) === 1) return;
    mappingApi().unmap(this.mapping.address, this.mapping.size);
    fs.closeSync(this.mapping.fd);
  }

  private checkRange(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    const { label, size } = this;
    assert(Atomics.load(this.disposedFlag, 0) === 0, `${label} is read after it was disposed`);
    assert(dstOffset >= 0 && dstOffset + length <= dst.length, `${length} bytes do not fit at ${dstOffset}`);
    if (offset >= 0 && length >= 0 && offset + length <= size) return;
    throw new QuarrelError(`${label}: bytes ${offset}…${offset + length - 1} lie outside the file of ${size} bytes`);
  }

  private readSome(dst: Uint8Array, dstOffset: number, length: number, offset: number): number {
    try {
      return fs.readSync(this.mapping.fd, dst, dstOffset, length, offset);
    } catch (error) {
      throw new QuarrelError(`${this.label}: cannot be read at byte ${offset}: ${(error as Error).message}`);
    }
  }

  private changed(): QuarrelError {
    const { label, size, mapping } = this;
    const now = fs.fstatSync(mapping.fd).size;
    return new QuarrelError(`${label}: changed while open: ${now} bytes, expected the ${size} it had when opened`);
  }
}
