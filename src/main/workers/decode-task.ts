import type { Result } from '../../shared/base/result';
import type { DecodeMemoryHandle, DecodeSlot } from '../dequant/decode-memory';
import type { ModelHandle } from '../files/model-file';

/** Which decoders run: equal bits, but for NaN payloads. */
export type Decoder = 'wasm' | 'scalar';

/** What a worker starts with. */
export interface DecodeWorkerData {
  readonly model: ModelHandle;
  readonly memory: DecodeMemoryHandle;
}

/** Rows to decode, from the main thread to a worker. */
export interface DecodeTask {
  readonly tensor: string;
  readonly firstRow: number;
  readonly rows: number;
  readonly decoder: Decoder;
  /** Room of this task's own in the shared memory. Its tile receives the rows × ne[0] values … */
  readonly slot: DecodeSlot;
  /** … unless they go elsewhere. */
  readonly into?: DecodeTarget | undefined;
}

/** Memory of the caller's, and the element that the first value goes to. */
export interface DecodeTarget {
  readonly values: Float32Array<SharedArrayBuffer>;
  readonly offset: number;
}

/** An expected failure comes back as a value: an error's class does not survive the way between threads. */
export type DecodeAnswer = Result<null>;
