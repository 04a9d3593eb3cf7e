import { assert } from '../base/assert';
import { Batch } from './batch';
import { BufferPool } from './buffer-pool';
import { bindings } from './dispatch-call';
import type { GpuSession } from './gpu-session';
import type { Kernel } from './pipeline-cache';
import { packStruct } from './wgsl-struct';

/** One dispatch of one workgroup over a few words. */
export interface Measurement {
  readonly operands: Uint32Array<ArrayBuffer>;
  /** Params.count. */
  readonly count: number;
  /** Words that the kernel writes. */
  readonly results: number;
  /** Dispatches it this often, and takes the time of each pass, where passes can be timed. */
  readonly repeats?: number;
  readonly onTime?: (nanoseconds: number) => unknown;
}

/** Runs a kernel whose Params are one `count`; returns its results. */
export async function runMeasurement(
  session: GpuSession,
  kernel: Kernel,
  { operands, count, results, repeats = 1, onTime }: Measurement,
): Promise<Uint32Array<ArrayBuffer>> {
  const pool = new BufferPool(session);
  const { key } = kernel.shader;
  let data: Uint8Array<ArrayBuffer> | undefined;
  try {
    const batch = new Batch(session, onTime && ((_label, nanoseconds) => onTime(nanoseconds)));
    const src0 = pool.take(operands.byteLength, `operands of ${key}`);
    const dst = pool.take(4 * results, `results of ${key}`);
    batch.upload(new Uint8Array(operands.buffer), src0, 0);
    const params = new Uint8Array(kernel.shader.params.size);
    packStruct(kernel.shader.params, { count }, new DataView(params.buffer));
    const ranges = {
      params: batch.uniform(params),
      src0: { buffer: src0, offset: 0, size: src0.size },
      dst: { buffer: dst, offset: 0, size: dst.size },
    };
    for (let i = 0; i < repeats; i++) {
      const label = `${key} ${i}`;
      batch.dispatch(label, kernel.pipeline, bindings(kernel, ranges, label), [1, 1, 1], true);
    }
    batch.readback(dst, 0, 4 * results, (bytes) => (data = bytes));
    await batch.submit(key);
  } finally {
    pool.dispose();
  }
  assert(data, `${key} ran but delivered nothing`);
  return new Uint32Array(data.buffer);
}
