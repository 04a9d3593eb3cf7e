/** Building blocks of the field decoders: what the inspector shows of one block. */
import { f16ToF32 } from '../base/float-bits';
import type { BlockField } from './format';

export function field(name: string, offset: number, length: number, values: readonly number[]): BlockField {
  return { name, offset, length, values };
}

/** One f16, stored low byte first. */
export function halfField(block: Uint8Array, name: string, offset: number): BlockField {
  return field(name, offset, 2, [f16ToF32(word16(block, offset))]);
}

/** `length` int8. */
export function signedField(block: Uint8Array, name: string, offset: number, length: number): BlockField {
  return field(
    name,
    offset,
    length,
    Array.from(block.subarray(offset, offset + length), (b) => (b << 24) >> 24),
  );
}

/** `count` values computed from their index. */
export function listOf(count: number, value: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => value(i));
}

/** 16 bits, stored low byte first. */
export function word16(src: Uint8Array, p: number): number {
  return src[p]! | (src[p + 1]! << 8);
}

/** 32 bits, stored low byte first, as a signed integer. */
export function word32(src: Uint8Array, p: number): number {
  return src[p]! | (src[p + 1]! << 8) | (src[p + 2]! << 16) | (src[p + 3]! << 24);
}
