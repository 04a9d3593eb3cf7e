import { QuarrelError } from '../base/errors';
import type { Dims } from '../graph/graph';
import type { TraceDtype, TraceEntry } from './trace';

/** Bytes per element of the types a trace can hold. */
export const DTYPE_BYTES: Readonly<Record<TraceDtype, number>> = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8 };

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

/** The length that the first 8 bytes announce, checked against the file. */
export function headerLength(prefix: Uint8Array, fileSize: number, label: string): number {
  if (fileSize < LENGTH_PREFIX_BYTES || prefix.length < LENGTH_PREFIX_BYTES) {
    throw new QuarrelError(`${label}: ${fileSize} bytes; a safetensors file has at least ${LENGTH_PREFIX_BYTES}`);
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_PREFIX_BYTES);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || LENGTH_PREFIX_BYTES + length > fileSize) {
    throw new QuarrelError(
      `${label}: not a safetensors file: the header length at byte 0 is ${length}, the file has ${fileSize} bytes`,
    );
  }
  return length;
}

/**
 * Parses and validates a header.
 * @param dataLength bytes after the header
 * Throws QuarrelError that names the tensor and what was found.
 */
export function parseHeader(json: string, dataLength: number, label: string): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (e) {
    throw new QuarrelError(`${label}: the safetensors header at byte ${LENGTH_PREFIX_BYTES} is no JSON: ${String(e)}`);
  }
  if (!isRecord(parsed)) throw new QuarrelError(`${label}: the safetensors header is no JSON object`);
  const entries = new Map<string, SafetensorsEntry>();
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(parsed)) {
    if (key === '__metadata__') {
      if (!isRecord(value)) throw new QuarrelError(`${label}: __metadata__ is no object`);
      for (const [k, v] of Object.entries(value)) metadata[k] = typeof v === 'string' ? v : JSON.stringify(v);
    } else {
      entries.set(key, parseEntry(key, value, dataLength, label));
    }
  }
  return { metadata, entries };
}

function parseEntry(key: string, value: unknown, dataLength: number, label: string): SafetensorsEntry {
  const fail = (what: string): never => {
    throw new QuarrelError(`${label}: tensor ${key}: ${what}`);
  };
  if (!isRecord(value)) return fail('its header entry is no object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    return fail(`dtype ${JSON.stringify(dtype)}; a trace holds ${Object.keys(DTYPE_BYTES).join(', ')}`);
  }
  if (!isSizes(shape)) return fail(`shape ${JSON.stringify(shape)} is no list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2)
    return fail(`data_offsets ${JSON.stringify(offsets)} are no byte range`);
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((a, b) => a * b, 1) * DTYPE_BYTES[dtype];
  if (end - begin !== expected) {
    return fail(`bytes ${begin}…${end} are ${end - begin}, shape [${shape.join(', ')}] of ${dtype} needs ${expected}`);
  }
  if (end > dataLength) return fail(`bytes ${begin}…${end} leave the file, which has ${dataLength} bytes of data`);
  return { key, dtype, shape, begin, end };
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

function isSizes(v: unknown): v is number[] {
  return Array.isArray(v) && v.every((x) => Number.isSafeInteger(x) && x >= 0);
}

function isDtype(v: unknown): v is TraceDtype {
  return typeof v === 'string' && v in DTYPE_BYTES;
}
