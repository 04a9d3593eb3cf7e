import { QuarrelError } from '../base/errors';
import type { ByteSource } from './byte-source';
import { Cursor } from './cursor';
import type { Endian } from './cursor';
import { Findings } from './findings';
import type { Finding } from './findings';
import {
  DEFAULT_ALIGNMENT,
  MAX_METADATA_ENTRIES,
  MAX_TENSORS,
  MIN_METADATA_ENTRY_BYTES,
  MIN_TENSOR_INFO_BYTES,
} from './limits';
import { readMetadata } from './metadata';
import type { Metadata } from './metadata';
import { readTensorInfos } from './tensor-directory';
import type { GgufTensor } from './tensor-directory';
import { alignUp, placeTensors } from './tensor-layout';

/** The header of one GGUF file: a whole model, or a shard of one. */
export interface GgufFile {
  readonly label: string;
  readonly version: number;
  readonly endian: Endian;
  readonly alignment: number;
  readonly metadata: Metadata;
  readonly tensors: readonly GgufTensor[];
  /** First byte of the data section. */
  readonly dataOffset: number;
  /** Bytes. */
  readonly fileSize: number;
  readonly findings: readonly Finding[];
}

/** "GGUF" read as a little-endian u32; big-endian files have the same four characters. */
const MAGIC = 0x46554747;
const ALIGNMENT_KEY = 'general.alignment';

/**
 * Reads and validates a GGUF header (version 2 or 3, either endianness) without touching the tensors' data. The
 * metadata's arrays keep `source` and read from it later.
 * Throws QuarrelError with the byte offset where the layout is lost; what can be worked around is a finding.
 * Source: ggml/docs/gguf.md and `gguf_init_from_reader` (gguf.cpp) of llama.cpp v0.4.0.
 */
export function parseGguf(source: ByteSource, shard = 0): GgufFile {
  const cursor = new Cursor(source, 0, 'little');
  const findings = new Findings(shard);
  const { version, endian } = readPreamble(cursor);
  const tensorCount = cursor.count('the number of tensors');
  const metadataCount = cursor.count('the number of metadata entries');
  checkCount(cursor, 8, tensorCount, 'tensors', MAX_TENSORS, MIN_TENSOR_INFO_BYTES);
  checkCount(cursor, 16, metadataCount, 'metadata entries', MAX_METADATA_ENTRIES, MIN_METADATA_ENTRY_BYTES);
  const metadata = readMetadata(source, cursor, metadataCount, findings);
  const alignment = readAlignment(metadata, findings);
  const infos = readTensorInfos(cursor, tensorCount, findings);

  // Like llama.cpp: a file without tensors has no padding either.
  const dataOffset = tensorCount > 0 ? alignUp(cursor.position, alignment) : cursor.position;
  const section = { dataOffset, alignment, fileSize: source.size, shard };
  const tensors = placeTensors(infos, section, findings);
  const { label, size: fileSize } = source;
  return { label, version, endian, alignment, metadata, tensors, dataOffset, fileSize, findings: findings.all() };
}

function readPreamble(cursor: Cursor): { version: number; endian: Endian } {
  const { label } = cursor;
  const magic = cursor.u32('the magic');
  if (magic !== MAGIC) {
    throw new QuarrelError(`${label}: magic at byte 0 is ${showMagic(magic)}, expected "GGUF": not a GGUF file`);
  }
  let version = cursor.u32('the version');
  if (version !== 0 && (version & 0xffff) === 0) {
    // A small number whose low half is empty was written the other way round.
    cursor.endian = 'big';
    cursor.position = 4;
    version = cursor.u32('the version');
  }
  if (version !== 2 && version !== 3) {
    throw new QuarrelError(`${label}: GGUF version ${version} at byte 4, expected 2 or 3`);
  }
  return { version, endian: cursor.endian };
}

function showMagic(magic: number): string {
  const bytes = [0, 8, 16, 24].map((shift) => (magic >>> shift) & 0xff);
  if (bytes.every((b) => b >= 0x20 && b < 0x7f)) return JSON.stringify(String.fromCharCode(...bytes));
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(' ');
}

/** Refuses a count that the rest of the file cannot hold, before anything is allocated for it. */
function checkCount(cursor: Cursor, at: number, count: number, what: string, limit: number, leastBytes: number): void {
  const possible = Math.floor(cursor.remaining / leastBytes);
  if (count <= limit && count <= possible) return;
  const why = possible > limit ? 'the limit' : 'what the rest of the file can hold';
  throw new QuarrelError(
    `${cursor.label}: ${count} ${what} at byte ${at}, expected at most ${Math.min(limit, possible)} (${why})`,
  );
}

function readAlignment(metadata: Metadata, findings: Findings): number {
  const entry = metadata.entry(ALIGNMENT_KEY);
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  const { value, type, offset } = entry;
  if (type !== 'u32' || typeof value !== 'number') {
    const message = `${ALIGNMENT_KEY} is of type ${type}, expected u32; ${DEFAULT_ALIGNMENT} is used`;
    findings.add('error', 'bad-alignment', offset, message);
    return DEFAULT_ALIGNMENT;
  }
  const powerOfTwo = value > 0 && Number.isInteger(Math.log2(value));
  if (powerOfTwo) return value;
  const used = value > 0 ? value : DEFAULT_ALIGNMENT;
  const message = `${ALIGNMENT_KEY} is ${value}, expected a power of two; ${used} is used and llama.cpp refuses the file`;
  findings.add('error', 'bad-alignment', offset, message);
  return used;
}
