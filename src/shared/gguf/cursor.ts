import { QuarrelError } from '../base/errors';
import type { ByteSource } from './byte-source';

export type Endian = 'little' | 'big';

/** Largest read of the header at a time; headers have some megabytes, most of it vocabulary. */
const WINDOW_BYTES = 1 << 20;

/**
 * Reads a file front to back through one window. Reading past the end throws QuarrelError with the byte offset.
 * One cursor walks once; lazily decoded values make their own.
 */
export class Cursor {
  private readonly window: Uint8Array<ArrayBuffer>;
  private readonly view: DataView;
  private windowStart = 0;
  private windowEnd = 0;

  constructor(
    private readonly source: ByteSource,
    /** Next byte to read. */
    public position: number,
    public endian: Endian,
    windowBytes = WINDOW_BYTES,
  ) {
    this.window = new Uint8Array(Math.max(8, Math.min(windowBytes, source.size)));
    this.view = new DataView(this.window.buffer);
  }

  get label(): string {
    return this.source.label;
  }

  get remaining(): number {
    return this.source.size - this.position;
  }

  /** Throws unless `bytes` more bytes are there. `what` names what is being read. */
  need(bytes: number, what: string): void {
    if (bytes <= this.remaining) return;
    const { position, source } = this;
    throw new QuarrelError(
      `${source.label}: truncated at byte ${position}: ${what} needs ${bytes} bytes, ${this.remaining} are left ` +
        `of ${source.size}`,
    );
  }

  /** Makes `bytes` ≤ window bytes readable and returns where they start in the window; advances. */
  private take(bytes: number, what: string): number {
    const start = this.position;
    if (start < this.windowStart || start + bytes > this.windowEnd) {
      this.need(bytes, what);
      const length = Math.min(this.window.length, this.source.size - start);
      this.source.copyInto(start, length, this.window, 0);
      this.windowStart = start;
      this.windowEnd = start + length;
    }
    this.position = start + bytes;
    return start - this.windowStart;
  }

  u8(what: string): number {
    return this.view.getUint8(this.take(1, what));
  }

  i8(what: string): number {
    return this.view.getInt8(this.take(1, what));
  }

  u16(what: string): number {
    return this.view.getUint16(this.take(2, what), this.endian === 'little');
  }

  i16(what: string): number {
    return this.view.getInt16(this.take(2, what), this.endian === 'little');
  }

  u32(what: string): number {
    return this.view.getUint32(this.take(4, what), this.endian === 'little');
  }

  i32(what: string): number {
    return this.view.getInt32(this.take(4, what), this.endian === 'little');
  }

  f32(what: string): number {
    return this.view.getFloat32(this.take(4, what), this.endian === 'little');
  }

  f64(what: string): number {
    return this.view.getFloat64(this.take(8, what), this.endian === 'little');
  }

  u64(what: string): bigint {
    return this.view.getBigUint64(this.take(8, what), this.endian === 'little');
  }

  i64(what: string): bigint {
    return this.view.getBigInt64(this.take(8, what), this.endian === 'little');
  }

  /** The u64 at `at`, which was read before: for messages, where `count` has rounded it. */
  exact(at: number): bigint {
    const bytes = new Uint8Array(8);
    this.source.copyInto(at, 8, bytes, 0);
    return new DataView(bytes.buffer).getBigUint64(0, this.endian === 'little');
  }

  /** A u64 as a number; beyond 2⁵³ it is rounded, which no limit lets pass. Allocates nothing. */
  count(what: string): number {
    const at = this.take(8, what);
    const little = this.endian === 'little';
    const low = this.view.getUint32(at + (little ? 0 : 4), little);
    const high = this.view.getUint32(at + (little ? 4 : 0), little);
    return high * 2 ** 32 + low;
  }

  /** `length` bytes, copied. */
  bytes(length: number, what: string): Uint8Array<ArrayBuffer> {
    this.need(length, what);
    const out = new Uint8Array(length);
    if (length <= this.window.length) {
      const at = this.take(length, what);
      out.set(this.window.subarray(at, at + length));
    } else {
      this.source.copyInto(this.position, length, out, 0);
      this.position += length;
    }
    return out;
  }

  skip(bytes: number, what: string): void {
    this.need(bytes, what);
    this.position += bytes;
  }
}
