import { QuarrelError } from '../base/errors';
import type { BlockField } from './format';
import type { GgmlTypeName } from './ggml-type';
import { QUANT_FORMATS } from './registry';

/** Where a block lies in its tensor: its elements are `column` … `column + elements − 1` of one row. */
export interface BlockPlace {
  readonly index: number;
  readonly elements: number;
  /** Row over all higher dimensions: i1 + ne1 × (i2 + ne2 × i3). */
  readonly row: number;
  /** i0 of the first element. */
  readonly column: number;
  /** [i0, i1, i2, i3] of the first element. */
  readonly coordinates: readonly number[];
  /** Byte of the block inside the tensor's data. */
  readonly offsetInTensor: number;
}

/** Non-finite numbers are strings, so that JSON keeps them. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

export interface BlockFieldReport extends Omit<BlockField, 'values'> {
  readonly values: readonly JsonNumber[];
}

/** The content of one block. */
export interface BlockContent {
  /** The block's bytes, two hexadecimal digits each. */
  readonly hex: string;
  /** Decoded fields in byte order; empty for types without decoder. */
  readonly fields: readonly BlockFieldReport[];
  /** Decoded values in element order; empty for types without decoder. */
  readonly values: readonly JsonNumber[];
  /** Why there are no values; null where there are. */
  readonly notDecodable: string | null;
}

/** What `quarrel block --json` prints and the block inspector shows. */
export interface BlockReport extends BlockContent, BlockPlace {
  readonly schema: 'quarrel.block/1';
  readonly model: string;
  /** File that holds the block: a shard of a split model. */
  readonly path: string;
  readonly tensor: string;
  readonly type: GgmlTypeName;
  readonly ne: readonly number[];
  /** Blocks of the tensor. */
  readonly blocks: number;
  readonly blockBytes: number;
  /** First byte of the block in the file. */
  readonly fileOffset: number;
}

/** A tensor's type and shape. */
export interface BlockedTensor {
  readonly name: string;
  readonly type: GgmlTypeName;
  readonly ne: readonly [number, number, number, number];
}

/** Places block `index`. Throws QuarrelError where the tensor has no such block. */
export function placeBlock({ name, type, ne }: BlockedTensor, index: number): BlockPlace {
  const { blockElements, blockBytes } = QUANT_FORMATS[type];
  const blocksPerRow = ne[0] / blockElements;
  const blocks = blocksPerRow * ne[1] * ne[2] * ne[3];
  if (!Number.isInteger(index) || index < 0 || index >= blocks) {
    const range = blocks === 1 ? 'only 0' : blocks === 0 ? 'it is empty' : `0…${blocks - 1}`;
    throw new QuarrelError(`block ${index} of tensor ${name}: it has ${blocks} blocks (${range})`);
  }
  const row = Math.floor(index / blocksPerRow);
  const column = (index % blocksPerRow) * blockElements;
  const plane = Math.floor(row / ne[1]);
  const coordinates = [column, row % ne[1], plane % ne[2], Math.floor(plane / ne[2])];
  return { index, elements: blockElements, row, column, coordinates, offsetInTensor: index * blockBytes };
}

/**
 * Index of the block that holds an element.
 * @param row over all higher dimensions, as in BlockPlace
 * Throws QuarrelError where the tensor has no such element.
 */
export function blockAt({ name, type, ne }: BlockedTensor, row: number, column: number): number {
  const rows = ne[1] * ne[2] * ne[3];
  const inside = (i: number, n: number): boolean => Number.isInteger(i) && i >= 0 && i < n;
  if (!inside(row, rows) || !inside(column, ne[0])) {
    throw new QuarrelError(`row ${row}, column ${column} of tensor ${name}: it has ${rows} rows of ${ne[0]} elements`);
  }
  const { blockElements } = QUANT_FORMATS[type];
  return row * (ne[0] / blockElements) + Math.floor(column / blockElements);
}

/** Takes one block apart. */
export function describeBlock(type: GgmlTypeName, block: Uint8Array): BlockContent {
  const format = QUANT_FORMATS[type];
  const hex = Array.from(block, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (format.status === 'unsupported') {
    return { hex, fields: [], values: [], notDecodable: `${type}: ${format.reason}` };
  }
  const values = new Float32Array(format.blockElements);
  format.dequantize(block, 0, 1, values, 0);
  const fields = format.fields(block).map((field) => ({ ...field, values: field.values.map(jsonNumber) }));
  return { hex, fields, values: Array.from(values, jsonNumber), notDecodable: null };
}

/** A number as JSON keeps it. */
export function jsonNumber(x: number): JsonNumber {
  return Number.isFinite(x) ? x : (String(x) as JsonNumber);
}
