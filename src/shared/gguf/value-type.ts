import { QuarrelError } from '../base/errors';
import type { Cursor } from './cursor';

/** GGUF's metadata value types. Source: `enum gguf_type` in gguf.h of llama.cpp v0.4.0. */
export const GGUF_VALUE_TYPES = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'f32',
  'bool',
  'str',
  'arr',
  'u64',
  'i64',
  'f64',
] as const;

export type GgufValueType = (typeof GGUF_VALUE_TYPES)[number];

/** Bytes of a value; undefined for strings and arrays, which carry their length. */
export const VALUE_BYTES: Readonly<Record<GgufValueType, number | undefined>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  str: undefined,
  arr: undefined,
  u64: 8,
  i64: 8,
  f64: 8,
};

/** Least bytes that one value of a type takes in the file. */
export function leastBytes(type: GgufValueType): number {
  return VALUE_BYTES[type] ?? (type === 'str' ? 8 : 12);
}

/** Reads a value type's id. Throws QuarrelError for an id that GGUF does not know. */
export function readValueType(cursor: Cursor, of: string): GgufValueType {
  const at = cursor.position;
  const id = cursor.u32(`the value type of ${of}`);
  const type = GGUF_VALUE_TYPES[id];
  if (type === undefined) {
    const last = GGUF_VALUE_TYPES.length - 1;
    throw new QuarrelError(`${cursor.label}: value type ${id} of ${of} at byte ${at}, expected 0…${last}`);
  }
  return type;
}
