import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import type { DecodeMemoryHandle, DecodeSlot } from '../dequant/decode-memory';
import type { MappedFileHandle } from '../files/mapped-file';

export interface BenchWorkerData {
  readonly memory: DecodeMemoryHandle;
}

/** What one thread does in a round; it answers with any message when it is done. */
export type BenchTask =
  | {
      /** Decodes rows of a mapped file into the slot's tile. */
      readonly kind: 'stream';
      readonly type: GgmlTypeName;
      readonly file: MappedFileHandle;
      readonly firstRow: number;
      readonly rows: number;
      readonly slot: DecodeSlot;
    }
  | {
      /** Decodes what the slot's window holds into its tile, `calls` times. */
      readonly kind: 'cache';
      readonly type: GgmlTypeName;
      readonly blocks: number;
      readonly calls: number;
      readonly slot: DecodeSlot;
    };
