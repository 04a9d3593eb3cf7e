import type { Result } from '../../shared/base/result';

/** Rows to decode, from the main thread to a worker. */
export interface DecodeTask {
  readonly tensor: string;
  readonly firstRow: number;
  readonly rows: number;
  /** Receives rows × ne[0] values … */
  readonly out: Float32Array<SharedArrayBuffer>;
  /** … from this element on. */
  readonly outOffset: number;
}

/** An expected failure comes back as a value: an error's class does not survive the way between threads. */
export type DecodeAnswer = Result<null>;
