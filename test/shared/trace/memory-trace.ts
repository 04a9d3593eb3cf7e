import { shapeOfNe } from '../../../src/shared/trace/safetensors';
import type { Dims } from '../../../src/shared/graph/graph';
import type {
  NotMeasured,
  TraceDtype,
  TraceEntry,
  TraceManifest,
  TraceSink,
  TraceSource,
} from '../../../src/shared/trace/trace';
import { bytesToF32 } from '../../../src/shared/trace/widen';

/** A trace that a lane writes and a test reads, without a file. */
export class MemoryTrace implements TraceSource, TraceSink {
  readonly engine = 'test';
  readonly manifest: TraceManifest | undefined;
  readonly entries = new Map<string, TraceEntry>();
  readonly timings: Record<string, number> = {};
  readonly missing: NotMeasured[] = [];
  private readonly bytes = new Map<string, Uint8Array>();

  constructor(
    readonly label: string,
    manifest?: TraceManifest,
    readonly tokens: readonly number[] = [],
  ) {
    this.manifest = manifest;
  }

  /** F32 or I32 tensors of one dimension. */
  static of(
    label: string,
    values: Readonly<Record<string, Float32Array | Int32Array>>,
    manifest?: TraceManifest,
  ): MemoryTrace {
    const trace = new MemoryTrace(label, manifest);
    for (const [key, v] of Object.entries(values)) {
      const dtype = v instanceof Int32Array ? 'I32' : 'F32';
      trace.write(key, dtype, [v.length, 1, 1, 1], new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
    }
    return trace;
  }

  write(key: string, dtype: TraceDtype, ne: Dims, data: Uint8Array | Float32Array): void {
    if (this.entries.has(key)) throw new Error(`${key} was written twice`);
    this.entries.set(key, { key, dtype, shape: shapeOfNe(ne) });
    this.bytes.set(key, new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
  }

  time(key: string, microseconds: number): void {
    this.timings[key] = microseconds;
  }

  notMeasured(entry: NotMeasured): void {
    this.missing.push(entry);
  }

  readRaw(key: string): Uint8Array<ArrayBuffer> {
    const found = this.bytes.get(key);
    if (!found) throw new Error(`${this.label} has no ${key}`);
    return found.slice();
  }

  readF32(key: string): Float32Array<ArrayBuffer> {
    return bytesToF32(this.entries.get(key)?.dtype ?? 'F32', this.readRaw(key));
  }
}
