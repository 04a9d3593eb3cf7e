import { assert } from '../base/assert';
import { Batch } from './batch';
import type { BufferPool } from './buffer-pool';
import { bindings } from './dispatch-call';
import type { GpuSession } from './gpu-session';
import { perElement } from './kernel-call';
import type { Kernel } from './pipeline-cache';
import { packStruct } from './wgsl-struct';

/** Elements that one invocation of the decode kernel and of the kernel probe decodes. */
const QUAD = 4;

/** Blocks for one of those kernels, and the room for what it writes. */
export interface BlockWork {
  /** Whole blocks, one after another. */
  readonly bytes: Uint8Array;
  readonly blocks: number;
  readonly elements: number;
  readonly dstBytes: number;
  /** Named in errors. */
  readonly label: string;
}

/** Runs the kernel on buffers of the pool and returns `dst`; a new buffer is zero where the kernel writes nothing. */
export async function runBlockKernel(
  session: GpuSession,
  pool: BufferPool,
  kernel: Kernel,
  { bytes, blocks, elements, dstBytes, label }: BlockWork,
): Promise<Uint8Array<ArrayBuffer>> {
  let result: Uint8Array<ArrayBuffer> | undefined;
  const src0 = pool.take(bytes.length, `source of ${label}`);
  const dst = pool.take(dstBytes, `result of ${label}`);
  try {
    const batch = new Batch(session);
    batch.upload(bytes, src0, 0);
    const params = new Uint8Array(kernel.shader.params.size);
    packStruct(kernel.shader.params, { blocks }, new DataView(params.buffer));
    const ranges = {
      params: batch.uniform(params),
      src0: { buffer: src0, offset: 0, size: src0.size },
      dst: { buffer: dst, offset: 0, size: Math.floor(dst.size / 16) * 16 },
    };
    batch.dispatch(label, kernel.pipeline, bindings(kernel, ranges, label), perElement(Math.ceil(elements / QUAD)));
    batch.readback(dst, 0, dstBytes, (data) => (result = data));
    await batch.submit(label);
  } finally {
    pool.giveBack(src0);
    pool.giveBack(dst);
  }
  assert(result, 'the batch ran but delivered nothing');
  return result;
}
