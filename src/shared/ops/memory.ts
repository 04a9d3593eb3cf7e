import { QuarrelError } from '../base/errors';

/** Buffers of an executor; shared ones where worker threads compute. */
export type Allocate = (byteLength: number) => ArrayBufferLike;

export const allocateLocal: Allocate = (byteLength) => new ArrayBuffer(byteLength);

/** A graph that asks for more is damaged: no prompt that is replayed has 4 GiB of values at one node. */
const MAX_BYTES = 2 ** 32;

/** The memory of one tensor that owns memory, seen as every element type. Views address it by byte offset. */
export class Memory {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly i64: BigInt64Array;

  constructor(readonly buffer: ArrayBufferLike) {
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }

  /** Zero-filled, rounded up to whole 8 bytes so that every element type fits. */
  static zeros(byteLength: number, allocate: Allocate = allocateLocal): Memory {
    if (byteLength > MAX_BYTES) {
      throw new QuarrelError(`a tensor of ${byteLength} bytes: the reference holds at most ${MAX_BYTES} per tensor`);
    }
    return new Memory(allocated(allocate, Math.ceil(byteLength / 8) * 8));
  }

  static of(bytes: Uint8Array, allocate: Allocate = allocateLocal): Memory {
    const memory = Memory.zeros(bytes.byteLength, allocate);
    memory.u8.set(bytes);
    return memory;
  }

  clone(allocate: Allocate): Memory {
    return Memory.of(this.u8, allocate);
  }
}

function allocated(allocate: Allocate, byteLength: number): ArrayBufferLike {
  try {
    return allocate(byteLength);
  } catch (e) {
    if (!(e instanceof RangeError)) throw e;
    throw new QuarrelError(`a tensor of ${byteLength} bytes does not fit into memory`);
  }
}
