import { QuarrelError } from '../base/errors';
import { fileKind, KIND_BYTES } from '../base/file-kind';
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
  if (endian === 'big') findings.add('error', 'big-endian', 4, BIG_ENDIAN);
  const tensorCount = cursor.count('the number of tensors');
  const metadataCount = cursor.count('the number of metadata entries');
  checkCount(cursor, 8, tensorCount, 'tensors', MAX_TENSORS, MIN_TENSOR_INFO_BYTES);
  checkCount(cursor, 16, metadataCount, 'metadata entries', MAX_METADATA_ENTRIES, MIN_METADATA_ENTRY_BYTES);
  const metadata = readMetadata(source, cursor, metadataCount, findings);
  const alignment = readAlignment(metadata, findings);
  const infos = readTensorInfos(cursor, tensorCount, findings);

  // Like llama.cpp: a file without tensors has no padding either.
  const dataOffset = tensorCount > 0 ? alignUp(cursor.position, alignment) : cursor.position;
  const section = { dataOffset, alignment, fileSize: source.size, shard, endian };
  const tensors = placeTensors(infos, section, findings);
  checkMapping(tensors, findings);
  checkJoined(source, tensors, alignment, findings);
  const { label, size: fileSize } = source;
  return { label, version, endian, alignment, metadata, tensors, dataOffset, fileSize, findings: findings.all() };
}

function readPreamble(cursor: Cursor): { version: number; endian: Endian } {
  const { label } = cursor;
  const magic = cursor.u32('the magic');
  if (magic !== MAGIC) {
    throw new QuarrelError(`${label}: magic at byte 0 is ${showMagic(magic)}, expected "GGUF": ${otherKind(cursor)}`);
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

const BIG_ENDIAN =
  'the file is big-endian, which llama.cpp refuses on a little-endian machine and whose blocks are not decoded; ' +
  'gguf-convert-endian of the gguf package for Python converts it';

/** What a file is that is no GGUF file, and what to do. */
function otherKind(cursor: Cursor): string {
  cursor.position = 0;
  const kind = fileKind(cursor.bytes(Math.min(KIND_BYTES, cursor.remaining), 'the beginning'));
  if (!kind) return 'not a GGUF file';
  const help =
    kind.help ?? (kind.holds === 'model' ? "llama.cpp's convert_hf_to_gguf.py makes GGUF of a model" : undefined);
  return `this is ${kind.name}${help === undefined ? '' : `: ${help}`}`;
}

/** `TENSOR_ALIGNMENT` of ggml: what it takes a mapped buffer's start to be a multiple of. */
const MAPPED_ALIGNMENT = 32;

function checkMapping(tensors: readonly GgufTensor[], findings: Findings): void {
  const [first] = [...tensors].sort((a, b) => a.offset - b.offset);
  if (!first || first.offset % MAPPED_ALIGNMENT === 0) return;
  const message = `the data begin at byte ${first.offset}, no multiple of ${MAPPED_ALIGNMENT}: llama.cpp aborts where it maps the file`;
  findings.add('warning', 'bad-alignment', first.infoOffset, message, first.name);
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
    `${cursor.label}: ${cursor.exact(at)} ${what} at byte ${at}, expected at most ${Math.min(limit, possible)} (${why})`,
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

/** Shards that were joined by copying: where the first one's data end, the next one's header begins. */
function checkJoined(source: ByteSource, tensors: readonly GgufTensor[], alignment: number, findings: Findings): void {
  const end = tensors.reduce((most, t) => Math.max(most, t.offset + (t.byteLength ?? 0)), 0);
  const next = [end, alignUp(end, alignment)].find((at) => beginsAt(source, at));
  if (end === 0 || next === undefined) return;
  const message = `another GGUF header begins at byte ${next}: shards that were joined by copying? llama-gguf-split --merge joins them`;
  findings.add('warning', 'joined-shards', next, message);
}

function beginsAt(source: ByteSource, at: number): boolean {
  if (!(at + 4 <= source.size)) return false;
  const bytes = new Uint8Array(4);
  source.copyInto(at, 4, bytes, 0);
  return new DataView(bytes.buffer).getUint32(0, true) === MAGIC;
}
