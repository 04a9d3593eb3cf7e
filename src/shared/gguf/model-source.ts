import type { Dims } from '../graph/graph';
import type { GgmlTypeName } from '../quant/ggml-type';

/** A weight of the model file: type, shape, and windowed access to its bytes. */
export interface WeightTensor {
  readonly name: string;
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  /** Total bytes of the data. */
  readonly byteLength: number;
  /** Copies `length` bytes from byte `offset` of the tensor into `dst` at `dstOffset`. Checks the file's size first. */
  copyInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void;
  /** The same for whoever goes through the weight once: leaves nothing of it in the process's memory. */
  readInto?(offset: number, length: number, dst: Uint8Array, dstOffset: number): void;
}

/** The weights an executor reads; owned and disposed by whoever mapped the file. */
export interface WeightSource {
  readonly label: string;
  tensor(name: string): WeightTensor | undefined;
}
