import { BufferUsage } from './webgpu-flags';

/** Passes that one timer holds; WebGPU allows 4096 queries in a set. */
const MOST_PASSES = 256;
const TIMESTAMP_BYTES = 8;

/**
 * Whether passes of this device can be timed: it has the feature, and in today's form (Chrome 114 takes a list of
 * writes and refuses the descriptor with a TypeError).
 */
export function canTimePasses(device: GPUDevice): boolean {
  if (!device.features.has('timestamp-query')) return false;
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  try {
    const encoder = device.createCommandEncoder({ label: 'timestamp trial' });
    encoder.beginComputePass({ timestampWrites: writesAt(querySet, 0) }).end();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  } finally {
    querySet.destroy();
  }
}

/** Times of the passes of one command buffer. Owned by whoever records it. */
export class PassTimer {
  private readonly querySet: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly labels: string[] = [];
  /** Labels with a pass that found no room. */
  private readonly incomplete = new Set<string>();

  constructor(device: GPUDevice) {
    this.querySet = device.createQuerySet({ type: 'timestamp', count: 2 * MOST_PASSES });
    const size = 2 * MOST_PASSES * TIMESTAMP_BYTES;
    const usage = BufferUsage.queryResolve | BufferUsage.copySource;
    this.resolved = device.createBuffer({ label: 'timestamps', size, usage });
  }

  /** For the descriptor of the next pass; undefined where there is no room left. */
  next(label: string): GPUComputePassTimestampWrites | undefined {
    if (this.labels.length === MOST_PASSES) {
      this.incomplete.add(label);
      return undefined;
    }
    this.labels.push(label);
    return writesAt(this.querySet, 2 * (this.labels.length - 1));
  }

  /** Records that the timestamps go to a buffer, and returns it with the bytes that are used. */
  resolve(encoder: GPUCommandEncoder): { readonly buffer: GPUBuffer; readonly bytes: number } {
    const count = 2 * this.labels.length;
    encoder.resolveQuerySet(this.querySet, 0, count, this.resolved, 0);
    return { buffer: this.resolved, bytes: count * TIMESTAMP_BYTES };
  }

  /** Nanoseconds by label, summed over its passes; labels with a pass that was not timed are left out. */
  read(bytes: Uint8Array<ArrayBuffer>): ReadonlyMap<string, number> {
    const stamps = new BigUint64Array(bytes.buffer);
    const sums = new Map<string, number>();
    this.labels.forEach((label, i) => {
      const [begin, end] = [stamps[2 * i] as bigint, stamps[2 * i + 1] as bigint];
      if (end < begin) this.incomplete.add(label); // a device may reset its clock
      sums.set(label, (sums.get(label) ?? 0) + Number(end - begin));
    });
    for (const label of this.incomplete) sums.delete(label);
    return sums;
  }

  dispose(): void {
    this.querySet.destroy();
    this.resolved.destroy();
  }
}

function writesAt(querySet: GPUQuerySet, index: number): GPUComputePassTimestampWrites {
  return { querySet, beginningOfPassWriteIndex: index, endOfPassWriteIndex: index + 1 };
}
