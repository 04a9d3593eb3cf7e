import fs from 'node:fs';
import path from 'node:path';

import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { bytesToF32 } from '../../shared/trace/widen';
import type { Dims, Graph } from '../../shared/graph/graph';
import { elementCount } from '../../shared/graph/graph';
import { encodeManifest } from '../../shared/trace/manifest';
import { MANIFEST_SCHEMA } from '../../shared/trace/manifest-schema';
import type { SafetensorsEntry } from '../../shared/trace/safetensors';
import { DTYPE_BYTES, encodeHeader, shapeOfNe } from '../../shared/trace/safetensors';
import { tensorStats } from '../../shared/trace/stats';
import type { NotMeasured, StepManifest, TensorStats, TraceDtype, TraceSink } from '../../shared/trace/trace';

const COPY_WINDOW_BYTES = 4 * 1024 * 1024;

/** What a lane knows only about the run as a whole. */
export interface TraceInfo {
  readonly engine: string;
  readonly model: string;
  readonly tokens: readonly number[];
  readonly graph?: Graph;
  readonly pieces?: readonly string[];
  readonly provenance?: Readonly<Record<string, string>>;
  /** Tokens of the same sequence that were evaluated before. */
  readonly past?: number;
  /** Decode steps whose checkpoints were written too. */
  readonly steps?: readonly StepManifest[];
  /** Further metadata: what an engine says of its arithmetic and of the model that it loaded (docs/trace-format.md). */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes a trace file. A safetensors header needs every tensor's size, so the data stream into a file beside the
 * target first; `finish` puts the header before them and renames the whole into place. Memory stays flat.
 */
export class TraceWriter implements TraceSink {
  /** By the key of `write`, in that order; `entry.key` is the final key. */
  private readonly written = new Map<string, { readonly entry: SafetensorsEntry; readonly stats: TensorStats }>();
  private readonly timings: Record<string, number> = {};
  private readonly missing: NotMeasured[] = [];
  private fd: number | undefined;
  private offset = 0;

  private constructor(
    private readonly target: string,
    private readonly dataPath: string,
  ) {
    this.fd = fs.openSync(dataPath, 'w+');
  }

  /** Throws QuarrelError when the folder of `target` cannot be written. */
  static create(target: string): TraceWriter {
    const dataPath = `${target}.${process.pid}.part`;
    try {
      fs.mkdirSync(path.dirname(path.resolve(target)), { recursive: true });
      return new TraceWriter(target, dataPath);
    } catch (e) {
      throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
    }
  }

  write(key: string, dtype: TraceDtype, ne: Dims, data: Uint8Array | Float32Array): void {
    assert(this.fd !== undefined, `write of ${key} to a closed trace`);
    assert(!this.written.has(key), `checkpoint ${key} was written twice`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const expected = elementCount(ne) * DTYPE_BYTES[dtype];
    assert(bytes.length === expected, `checkpoint ${key}: ${bytes.length} bytes, ${expected} expected`);
    writeAll(this.fd, bytes, this.offset, this.target);
    const end = this.offset + bytes.length;
    const entry = { key, dtype, shape: shapeOfNe(ne), begin: this.offset, end };
    this.written.set(key, { entry, stats: tensorStats(bytesToF32(dtype, bytes)) });
    this.offset = end;
  }

  /** Gives a checkpoint its final key: whether a name is shared, and needs a `#k`, shows only at the end of a graph. */
  rename(from: string, to: string): void {
    const written = this.written.get(from);
    assert(written, `rename of ${from}, which was not written`);
    this.written.set(from, { ...written, entry: { ...written.entry, key: to } });
  }

  time(key: string, microseconds: number): void {
    this.timings[key] = microseconds;
  }

  notMeasured(entry: NotMeasured): void {
    this.missing.push(entry);
  }

  finish(info: TraceInfo): void {
    assert(this.fd !== undefined, 'finish of a closed trace');
    const whole = `${this.target}.${process.pid}.tmp`;
    try {
      const header = encodeHeader(this.metadata(info), this.finalEntries());
      const out = fs.openSync(whole, 'w');
      try {
        writeAll(out, header, 0, this.target);
        copyInto(this.fd, out, header.length, this.offset, this.target);
      } finally {
        fs.closeSync(out);
      }
      fs.renameSync(whole, this.target);
    } catch (e) {
      fs.rmSync(whole, { force: true });
      if (!(e instanceof Error && 'syscall' in e)) throw e;
      throw new QuarrelError(`cannot write ${this.target}: ${e.message}`);
    } finally {
      this.abort();
    }
  }

  /** Removes what was written; harmless after `finish`. */
  abort(): void {
    if (this.fd === undefined) return;
    fs.closeSync(this.fd);
    this.fd = undefined;
    fs.rmSync(this.dataPath, { force: true });
  }

  private finalEntries(): readonly SafetensorsEntry[] {
    const entries = [...this.written.values()].map(({ entry }) => entry);
    const keys = new Set(entries.map((e) => e.key));
    assert(keys.size === entries.length, `two checkpoints of ${this.target} ended under one key`);
    return entries;
  }

  private metadata(info: TraceInfo): Record<string, string> {
    return {
      tokens: JSON.stringify(info.tokens),
      engine: info.engine,
      ...info.metadata,
      manifest: encodeManifest({
        schema: MANIFEST_SCHEMA,
        model: info.model,
        ...(info.graph ? { graph: info.graph } : {}),
        ...(info.pieces ? { pieces: info.pieces } : {}),
        stats: Object.fromEntries([...this.written.values()].map(({ entry, stats }) => [entry.key, stats])),
        timings: this.timings,
        notMeasured: this.missing,
        provenance: info.provenance ?? {},
        ...(info.past === undefined ? {} : { past: info.past }),
        ...(info.steps ? { steps: info.steps } : {}),
      }),
    };
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number, label: string): void {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
    } catch (e) {
      throw new QuarrelError(`cannot write ${label} at byte ${position + done}: ${(e as Error).message}`);
    }
  }
}

function copyInto(from: number, to: number, toOffset: number, length: number, label: string): void {
  const window = new Uint8Array(Math.min(COPY_WINDOW_BYTES, Math.max(length, 1)));
  for (let done = 0; done < length;) {
    const got = fs.readSync(from, window, 0, Math.min(window.length, length - done), done);
    assert(got > 0, `the data of ${label} ended at byte ${done} of ${length}`);
    writeAll(to, window.subarray(0, got), toOffset + done, label);
    done += got;
  }
}
