import fs from 'node:fs';

import { z } from 'zod';

import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { KIND_BYTES } from '../../shared/base/file-kind';
import { parseInner } from '../../shared/base/json';
import { entriesFault } from '../../shared/trace/check-entries';
import { openRegular } from '../files/open-regular';
import { decodeManifest } from '../../shared/trace/manifest';
import type { SafetensorsEntry } from '../../shared/trace/safetensors';
import { declaredPrecision } from '../../shared/trace/declared-precision';
import { headerLength, LENGTH_PREFIX_BYTES, parseHeader } from '../../shared/trace/safetensors';
import type { DeclaredPrecision, TraceManifest, TraceSource } from '../../shared/trace/trace';
import { bytesToF32 } from '../../shared/trace/widen';
import { requireLocal } from '../files/local-path';

/** A safetensors trace on disk, ours or a foreign engine's. Its owner disposes it. */
export class TraceFile implements TraceSource {
  private fd: number | undefined;

  private constructor(
    readonly label: string,
    fd: number,
    private readonly dataStart: number,
    readonly entries: ReadonlyMap<string, SafetensorsEntry>,
    readonly unreadable: ReadonlyMap<string, string>,
    /** All string pairs of `__metadata__`. */
    readonly metadata: Readonly<Record<string, string>>,
    readonly engine: string,
    readonly tokens: readonly number[],
    readonly manifest: TraceManifest | undefined,
    /** Tokens of the decode steps that the file holds beside its prompt (shared/trace/steps.ts). */
    readonly stepTokens: readonly (readonly number[])[],
    readonly declared: DeclaredPrecision,
  ) {
    this.fd = fd;
  }

  /** Throws QuarrelError when the file is missing, truncated or not a trace. */
  static open(path: string): TraceFile {
    requireLocal(path);
    const { fd, stat } = openRegular(path, `the trace ${path}`);
    try {
      const { size } = stat;
      const length = headerLength(readBytes(fd, 0, Math.min(KIND_BYTES, size), path), size, path);
      const dataStart = LENGTH_PREFIX_BYTES + length;
      const json = textOf(readBytes(fd, LENGTH_PREFIX_BYTES, length, path), path);
      const { metadata, entries, unreadable } = parseHeader(json, size - dataStart, path);
      const manifest = metadata['manifest'] === undefined ? undefined : decodeManifest(metadata['manifest'], path);
      const fault = manifest && entriesFault(manifest, entries.values());
      if (fault !== undefined) throw new QuarrelError(`${path}: ${fault}`);
      const tokens = parseTokens(metadata['tokens'], path);
      const steps = manifest?.steps?.map((step) => step.tokens) ?? parseSteps(metadata['steps'], path);
      const engine = metadata['engine'] ?? 'unknown';
      const declared = declaredPrecision(metadata, path);
      return new TraceFile(
        path,
        fd,
        dataStart,
        entries,
        unreadable,
        metadata,
        engine,
        tokens,
        manifest,
        steps,
        declared,
      );
    } catch (e) {
      fs.closeSync(fd);
      throw e;
    }
  }

  readF32(key: string): Float32Array<ArrayBuffer> {
    return bytesToF32(this.entry(key).dtype, this.readRaw(key));
  }

  readRaw(key: string): Uint8Array<ArrayBuffer> {
    assert(this.fd !== undefined, `read of ${key} from a disposed trace`);
    const { begin, end } = this.entry(key);
    return readBytes(this.fd, this.dataStart + begin, end - begin, this.label);
  }

  dispose(): void {
    if (this.fd !== undefined) fs.closeSync(this.fd);
    this.fd = undefined;
  }

  private entry(key: string): SafetensorsEntry {
    const entry = this.entries.get(key);
    if (!entry) throw new QuarrelError(`${this.label}: no checkpoint ${key} among its ${this.entries.size}`);
    return entry;
  }
}

function readBytes(fd: number, position: number, length: number, label: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const got = fs.readSync(fd, bytes, done, length - done, position + done);
    if (got === 0) throw new QuarrelError(`${label}: the file ends at byte ${position + done}; it was cut while open`);
    done += got;
  }
  return bytes;
}

function textOf(header: Uint8Array, label: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw new QuarrelError(`${label}: the safetensors header at byte ${LENGTH_PREFIX_BYTES} is not UTF-8`);
  }
}

const tokenList = z.array(z.int());

function parseTokens(json: string | undefined, label: string): readonly number[] {
  return json === undefined
    ? []
    : parseInner(json, tokenList, `${label}: __metadata__.tokens`, 'a JSON list of token ids');
}

/** A foreign dump's decode steps: one token each. */
function parseSteps(json: string | undefined, label: string): readonly (readonly number[])[] {
  if (json === undefined) return [];
  const expected = 'a JSON list of token ids, one per decode step,';
  return parseInner(json, tokenList, `${label}: __metadata__.steps`, expected).map((token) => [token]);
}
