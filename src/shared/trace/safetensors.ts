import { z } from 'zod';
import { QuarrelError } from '../base/errors';
import { checkedJson, countOf, parseJson, textOf } from '../base/json';
import { fileKind, SAFETENSORS } from '../base/file-kind';
import type { FileKind } from '../base/file-kind';
import type { Dims } from '../graph/graph';
import type { TraceDtype, TraceEntry } from './trace';

/** Bytes per element of the types that are read. */
export const DTYPE_BYTES: Readonly<Record<TraceDtype, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1 },
};

/** The header's length is a u64 before it; a header beyond this is taken for a file of another kind. */
export const MAX_HEADER_BYTES = 256 * 1024 * 1024;
/** Bytes before the header: its length as little-endian u64. */
export const LENGTH_PREFIX_BYTES = 8;

/** Where one tensor lies; `begin` and `end` count bytes from the end of the header. */
export interface SafetensorsEntry extends TraceEntry {
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** The dtype of each tensor whose type is not read, by key. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** safetensors shape of a ggml shape: ne reversed, leading 1s dropped (a scalar keeps one 1). */
export function shapeOfNe(ne: Dims): readonly number[] {
  const shape = [...ne].reverse();
  while (shape.length > 1 && shape[0] === 1) shape.shift();
  return shape;
}

/** ggml shape of a safetensors shape of at most four dimensions. */
export function neOfShape(shape: readonly number[]): Dims | undefined {
  if (shape.length > 4) return undefined;
  const [a = 1, b = 1, c = 1, d = 1] = [...shape].reverse();
  return [a, b, c, d];
}

/**
 * The length of the header, checked against the file.
 * @param head the file's first bytes, KIND_BYTES or all there are
 * Throws QuarrelError that says what the file is, where that shows.
 */
export function headerLength(head: Uint8Array, fileSize: number, label: string): number {
  if (fileSize < LENGTH_PREFIX_BYTES || head.length < LENGTH_PREFIX_BYTES) {
    throw new QuarrelError(`${label}: ${fileSize} bytes; a safetensors file has at least ${LENGTH_PREFIX_BYTES}`);
  }
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  const kind = fileKind(head);
  if (length > MAX_HEADER_BYTES || LENGTH_PREFIX_BYTES + Number(length) > fileSize) {
    const isOther = kind !== undefined && kind !== SAFETENSORS;
    const found = isOther ? `this is ${asDump(kind)}` : `the file has ${fileSize} bytes`;
    throw new QuarrelError(`${label}: not a safetensors file: the header length at byte 0 is ${length}, ${found}`);
  }
  return Number(length);
}

/** What can be done with a file of another kind that was given as a dump. */
function asDump({ name, help, holds }: FileKind): string {
  if (help !== undefined) return `${name}: ${help}`;
  return holds ? `${name}: docs/trace-format.md shows how to write its tensors as a dump` : name;
}

const size = countOf('a size, a whole number from 0,');
const entryForm = z.object({
  dtype: textOf('a type'),
  shape: z.array(size, 'a list of sizes'),
  data_offsets: z.tuple([countOf('a byte'), countOf('a byte')], 'a byte range, [begin, end]'),
});
const headerForm = z.custom<Readonly<Record<string, unknown>>>(isRecord, 'an object');

/**
 * Parses and validates a header, as strictly as the format's own library: every byte of the data belongs to one tensor,
 * no key comes twice. A tensor of a type that is not known is set aside; the others can be read.
 * @param dataLength bytes after the header
 * Throws QuarrelError that names the tensor and what was found.
 */
export function parseHeader(json: string, dataLength: number, label: string): SafetensorsHeader {
  const { __metadata__: said = {}, ...tensors } = parseJson(json, headerForm, `${label}: the safetensors header`);
  const metadata = Object.fromEntries(
    Object.entries(checkedJson(said, headerForm, label, '__metadata__')).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  const all = Object.entries(tensors).map(([key, value]) => readEntry(key, value, dataLength, label));
  requireCovered(all, dataLength, label);
  const entries = new Map<string, SafetensorsEntry>();
  const unreadable = new Map<string, string>();
  for (const entry of all) {
    const { key, dtype, shape, begin, end } = entry;
    if (isDtype(dtype)) entries.set(key, { key, dtype, shape, begin, end });
    else unreadable.set(key, dtype);
  }
  return { metadata, entries, unreadable };
}

interface AnyEntry extends Omit<SafetensorsEntry, 'dtype'> {
  readonly dtype: string;
}

function readEntry(key: string, value: unknown, dataLength: number, label: string): AnyEntry {
  const name = `${label}: tensor ${key}`;
  const form = checkedJson(value, entryForm, name, 'its entry');
  const { dtype, shape } = form;
  const [begin, end] = form.data_offsets;
  const expected = isDtype(dtype) ? shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]) : end - begin;
  if (end - begin !== expected || expected < 0) {
    const needs = isDtype(dtype) ? `${expected}` : 'more';
    throw new QuarrelError(
      `${name}: bytes ${begin}…${end} are ${end - begin}, shape [${shape.join(', ')}] of ${dtype} needs ${needs}`,
    );
  }
  if (end > dataLength) {
    throw new QuarrelError(`${name}: bytes ${begin}…${end} leave the file, which has ${dataLength} bytes of data`);
  }
  return { key, dtype, shape, begin, end };
}

/** Mirrors `Metadata::validate` of the safetensors library: sorted by where they begin, tensors follow each other. */
function requireCovered(entries: readonly AnyEntry[], dataLength: number, label: string): void {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let before: AnyEntry | undefined;
  for (const entry of sorted) {
    const end = before?.end ?? 0;
    if (entry.begin < end) {
      throw new QuarrelError(
        `${label}: tensor ${entry.key} begins at byte ${entry.begin}, inside the data of ${before?.key ?? ''} ` +
          `(${before?.begin ?? 0}…${end}); a file in which each byte belongs to one tensor is expected`,
      );
    }
    if (entry.begin > end) throw unclaimed(end, entry.begin, label);
    before = entry;
  }
  if ((before?.end ?? 0) < dataLength) throw unclaimed(before?.end ?? 0, dataLength, label);
}

function unclaimed(from: number, to: number, label: string): QuarrelError {
  return new QuarrelError(
    `${label}: bytes ${from}…${to} of the data belong to no tensor; data without gaps and nothing behind are expected`,
  );
}

/** The header's bytes with length prefix, padded with spaces to 8 bytes as the format asks. */
export function encodeHeader(
  metadata: Readonly<Record<string, string>>,
  entries: Iterable<SafetensorsEntry>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const e of entries) header[e.key] = { dtype: e.dtype, shape: e.shape, data_offsets: [e.begin, e.end] };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_PREFIX_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, LENGTH_PREFIX_BYTES);
  return bytes;
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function isDtype(v: string): v is TraceDtype {
  return Object.hasOwn(DTYPE_BYTES, v);
}
