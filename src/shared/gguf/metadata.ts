import { QuarrelError } from '../base/errors';
import { GgufArray, readValue } from './array';
import type { GgufValue } from './array';
import type { ByteSource } from './byte-source';
import type { Cursor } from './cursor';
import type { Findings } from './findings';
import { MAX_KEPT_STRING_BYTES, MAX_KEY_BYTES, MAX_READ_KEY_BYTES } from './limits';
import { quoted, readCheckedText } from './text';
import { readValueType } from './value-type';
import type { GgufValueType } from './value-type';

export interface MetadataEntry {
  readonly key: string;
  readonly type: GgufValueType;
  /** Arrays are lazy: they hold no elements. */
  readonly value: GgufValue;
  /** Byte of the entry in the file. */
  readonly offset: number;
}

/** A model's metadata in file order. Where a key comes twice, the first counts (as in llama.cpp's lookup). */
export class Metadata {
  private readonly byKey = new Map<string, MetadataEntry>();

  constructor(readonly entries: readonly MetadataEntry[]) {
    for (const entry of entries) {
      if (!this.byKey.has(entry.key)) this.byKey.set(entry.key, entry);
    }
  }

  get(key: string): GgufValue | undefined {
    return this.byKey.get(key)?.value;
  }

  entry(key: string): MetadataEntry | undefined {
    return this.byKey.get(key);
  }

  /** A number of any integer or float type; undefined where the key is absent or holds something else. */
  number(key: string): number | undefined {
    const value = this.get(key);
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'number' ? value : undefined;
  }

  /** A string; undefined where the key is absent or holds something else. */
  string(key: string): string | undefined {
    const value = this.get(key);
    return typeof value === 'string' ? value : undefined;
  }

  /** An array; undefined where the key is absent or holds something else. */
  array(key: string): GgufArray | undefined {
    const value = this.get(key);
    return value instanceof GgufArray ? value : undefined;
  }
}

/** Reads `count` entries from the cursor on. */
export function readMetadata(source: ByteSource, cursor: Cursor, count: number, findings: Findings): Metadata {
  const entries: MetadataEntry[] = [];
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const entry = readEntry(source, cursor, i, findings);
    const first = seen.get(entry.key);
    if (first === undefined) seen.set(entry.key, entry.offset);
    else {
      const message = `metadata key ${quoted(entry.key)} comes twice, first at byte ${first}; llama.cpp refuses the file`;
      findings.add('error', 'duplicate-key', entry.offset, message);
    }
    entries.push(entry);
  }
  return new Metadata(entries);
}

function readEntry(source: ByteSource, cursor: Cursor, index: number, findings: Findings): MetadataEntry {
  const offset = cursor.position;
  const { text: key, valid } = readCheckedText(cursor, MAX_READ_KEY_BYTES, `metadata key ${index}`);
  const keyBytes = cursor.position - offset - 8;
  if (keyBytes === 0) {
    findings.add('error', 'empty-key', offset, `metadata key ${index} is empty; llama.cpp refuses the file`);
  }
  if (keyBytes > MAX_KEY_BYTES) {
    const message = `metadata key ${quoted(key)} has ${keyBytes} bytes, expected at most ${MAX_KEY_BYTES} by the specification`;
    findings.add('warning', 'long-name', offset, message);
  }
  if (!valid) findings.add('warning', 'invalid-utf8', offset, `metadata key ${quoted(key)} is not UTF-8`);
  const type = readValueType(cursor, `metadata key ${quoted(key)}`);
  try {
    const start = cursor.position + 8;
    const value = readValue(source, cursor, type);
    if (value instanceof GgufArray && value.elementType === 'arr') {
      const message = `metadata key ${quoted(key)} is an array of arrays; llama.cpp refuses the file`;
      findings.add('error', 'nested-array', offset, message);
    }
    const bytes = cursor.position - start;
    if (type === 'str' && bytes > MAX_KEPT_STRING_BYTES) {
      const message = `metadata key ${quoted(key)} has a string of ${bytes} bytes; the first ${MAX_KEPT_STRING_BYTES} are read`;
      findings.add('warning', 'long-string', offset, message);
    }
    return { key, type, value, offset };
  } catch (error) {
    if (!(error instanceof QuarrelError)) throw error;
    throw new QuarrelError(`${error.message} (metadata key ${quoted(key)}, entry at byte ${offset})`);
  }
}
