declare const brand: unique symbol;

/** A number that must not be confused with other numbers. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Index of a tensor in `Graph.tensors`. */
export type NodeId = Brand<number, 'NodeId'>;
/** Offset in bytes from the start of a file. */
export type ByteOffset = Brand<number, 'ByteOffset'>;
/** Index of a block (smallest decodable unit) within a tensor. */
export type BlockIndex = Brand<number, 'BlockIndex'>;
/** Index of an element within a tensor in memory order. */
export type ElementIndex = Brand<number, 'ElementIndex'>;

export const nodeId = (n: number): NodeId => n as NodeId;
export const byteOffset = (n: number): ByteOffset => n as ByteOffset;
export const blockIndex = (n: number): BlockIndex => n as BlockIndex;
export const elementIndex = (n: number): ElementIndex => n as ElementIndex;
