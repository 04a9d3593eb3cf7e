import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { ByteSource } from './byte-source';
import { Cursor } from './cursor';
import type { Endian } from './cursor';
import { leastBytes, readValueType, VALUE_BYTES } from './value-type';
import type { GgufValueType } from './value-type';
import { MAX_ARRAY_DEPTH, MAX_ARRAY_ELEMENTS, MAX_KEPT_STRING_BYTES, MAX_STRING_BYTES } from './limits';
import { readLength, readText } from './text';

/** A metadata value; u64 and i64 are bigint. */
export type GgufValue = number | bigint | boolean | string | GgufArray;

/** Every so many strings the walk notes where it is, so that one string is found without walking from the start. */
const CHECKPOINT_EVERY = 256;
const LAZY_WINDOW_BYTES = 1 << 16;

/**
 * A metadata array that stays in the file. Opening walks over it once without decoding; elements are decoded when
 * asked for, from the file, which must still be open.
 */
export class GgufArray {
  constructor(
    private readonly source: ByteSource,
    private readonly endian: Endian,
    readonly elementType: GgufValueType,
    readonly length: number,
    /** Byte of the first element. */
    readonly offset: number,
    readonly byteLength: number,
    /** Byte of each CHECKPOINT_EVERY-th element; empty where elements have one size. */
    private readonly checkpoints: readonly number[],
    private readonly depth: number,
  ) {}

  /** Element `index`. */
  get(index: number): GgufValue {
    assert(index >= 0 && index < this.length, `index ${index} of an array of ${this.length}`);
    return this.slice(index, index + 1)[0] as GgufValue;
  }

  /** Elements `from` up to but not `to`, clipped to the array. */
  slice(from: number, to: number): GgufValue[] {
    const end = Math.min(to, this.length);
    const cursor = this.cursorAt(Math.min(from, end), end - from <= CHECKPOINT_EVERY);
    const values: GgufValue[] = [];
    for (let i = from; i < end; i++) values.push(readValue(this.source, cursor, this.elementType, this.depth));
    return values;
  }

  /** All elements of an array of strings, in order. */
  strings(): string[] {
    assert(this.elementType === 'str', `strings of an array of ${this.elementType}`);
    return this.slice(0, this.length) as string[];
  }

  private cursorAt(index: number, short: boolean): Cursor {
    const bytes = VALUE_BYTES[this.elementType];
    const cursor = new Cursor(this.source, this.offset, this.endian, short ? LAZY_WINDOW_BYTES : undefined);
    if (bytes !== undefined) {
      cursor.position = this.offset + index * bytes;
      return cursor;
    }
    const checkpoint = Math.floor(index / CHECKPOINT_EVERY);
    cursor.position = this.checkpoints[checkpoint] ?? this.offset;
    for (let i = checkpoint * CHECKPOINT_EVERY; i < index; i++) skipValue(cursor, this.elementType, this.depth);
    return cursor;
  }
}

/** Reads one value of `type`; an array is walked, not decoded. */
export function readValue(source: ByteSource, cursor: Cursor, type: GgufValueType, depth = 0): GgufValue {
  switch (type) {
    case 'u8':
    case 'i8':
    case 'u16':
    case 'i16':
    case 'u32':
    case 'i32':
    case 'f32':
    case 'f64':
    case 'u64':
    case 'i64':
      return cursor[type]('a value');
    case 'bool':
      return cursor.u8('a value') !== 0;
    case 'str':
      return readText(cursor, MAX_STRING_BYTES, MAX_KEPT_STRING_BYTES, 'a string');
    case 'arr':
      return walkArray(source, cursor, depth);
  }
}

function readArrayHead(cursor: Cursor, depth: number): { type: GgufValueType; length: number } {
  const at = cursor.position;
  if (depth >= MAX_ARRAY_DEPTH) {
    throw new QuarrelError(`${cursor.label}: array at byte ${at} is nested deeper than ${MAX_ARRAY_DEPTH}`);
  }
  const type = readValueType(cursor, 'an array');
  const length = cursor.count('the length of an array');
  if (length > MAX_ARRAY_ELEMENTS) {
    throw new QuarrelError(
      `${cursor.label}: array at byte ${at} has ${cursor.exact(at + 4)} elements, expected at most ${MAX_ARRAY_ELEMENTS}`,
    );
  }
  cursor.need(length * leastBytes(type), `an array of ${length} ${type}`);
  return { type, length };
}

/** Steps over an array and notes where it lies. */
function walkArray(source: ByteSource, cursor: Cursor, depth: number): GgufArray {
  const { type, length } = readArrayHead(cursor, depth);
  const start = cursor.position;
  const checkpoints: number[] = [];
  const bytes = VALUE_BYTES[type];
  if (bytes !== undefined) {
    cursor.skip(length * bytes, 'an array');
  } else {
    for (let i = 0; i < length; i++) {
      if (i % CHECKPOINT_EVERY === 0) checkpoints.push(cursor.position);
      skipValue(cursor, type, depth + 1);
    }
  }
  const byteLength = cursor.position - start;
  return new GgufArray(source, cursor.endian, type, length, start, byteLength, checkpoints, depth + 1);
}

function skipValue(cursor: Cursor, type: GgufValueType, depth: number): void {
  if (type === 'str') {
    cursor.skip(readLength(cursor, MAX_STRING_BYTES, 'a string of an array'), 'a string of an array');
    return;
  }
  if (type !== 'arr') {
    cursor.skip(leastBytes(type), 'an element of an array');
    return;
  }
  const head = readArrayHead(cursor, depth);
  const bytes = VALUE_BYTES[head.type];
  if (bytes !== undefined) cursor.skip(head.length * bytes, 'an array');
  else for (let i = 0; i < head.length; i++) skipValue(cursor, head.type, depth + 1);
}
