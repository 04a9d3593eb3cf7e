/** A file (or buffer) that is read in windows; the mapped file implements it. */
export interface ByteSource {
  /** Where it lies, for messages. */
  readonly label: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Copies `length` bytes from `offset` into `dst` at `dstOffset`.
   * Throws QuarrelError where the range leaves the file or the file changed its size.
   */
  copyInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void;
}
