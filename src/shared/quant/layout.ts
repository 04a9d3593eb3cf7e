import { assert } from '../base/assert';
import type { GgmlTypeName } from './ggml-type';
import type { FormatLayout, QuantFamily } from './format';

/** The fields of one block in byte order, with their sizes in bytes. */
export type FieldSizes = Readonly<Record<string, number>>;

/** Where each field of a block starts, and how many bytes the block has. */
export interface BlockStruct<Fields extends FieldSizes> {
  readonly offset: Readonly<Record<keyof Fields, number>>;
  readonly size: Fields;
  readonly bytes: number;
}

/**
 * Lays out a packed struct from its fields and asserts the size that ggml-common.h asserts.
 * @param expectedBytes `sizeof` of the C struct
 */
export function blockStruct<const Fields extends FieldSizes>(
  fields: Fields,
  expectedBytes: number,
): BlockStruct<Fields> {
  const offset: Record<string, number> = {};
  let bytes = 0;
  for (const [name, size] of Object.entries(fields)) {
    offset[name] = bytes;
    bytes += size;
  }
  assert(bytes === expectedBytes, `fields add up to ${bytes} bytes, the struct has ${expectedBytes}`);
  return { offset: offset as Record<keyof Fields, number>, size: fields, bytes };
}

/** Size of a type, from its block's fields. */
export function layoutOf(
  type: GgmlTypeName,
  family: QuantFamily,
  blockElements: number,
  struct: { readonly bytes: number },
): FormatLayout {
  return { type, family, blockElements, blockBytes: struct.bytes };
}
