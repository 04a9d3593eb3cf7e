import type { GgmlTypeName } from './ggml-type';

export type QuantFamily =
  'float' | 'integer' | 'legacy' | 'k-quants' | 'i-quants' | 'ternary' | 'microscaling' | 'activation';

/**
 * One decoded field of a block, for the inspector: where its bits lie and what they say. Every byte of a block belongs
 * to a field. Two fields share no byte or have the same byte range: then their bits are mixed there.
 */
export interface BlockField {
  readonly name: string;
  /** Byte range inside the block. */
  readonly offset: number;
  readonly length: number;
  /** Decoded values (one scale, eight sub-block scales, 256 codes …). */
  readonly values: readonly number[];
}

/** Size and layout of a type; known for every type, decodable or not. */
export interface FormatLayout {
  readonly type: GgmlTypeName;
  readonly family: QuantFamily;
  /** Elements per block. */
  readonly blockElements: number;
  /** Bytes per block. */
  readonly blockBytes: number;
}

/**
 * Decodes `blocks` whole blocks.
 * @param src bytes that hold the blocks
 * @param srcOffset byte offset of the first block in `src` (any alignment)
 * @param dst receives blocks × blockElements values
 * @param dstOffset element offset in `dst`
 * Equal bits with `dequantize_row_*` of libggml-base where it has one: float32, one rounding per operation, no FMA.
 */
export type DequantizeBlocks = (
  src: Uint8Array,
  srcOffset: number,
  blocks: number,
  dst: Float32Array,
  dstOffset: number,
) => void;

export interface SupportedFormat extends FormatLayout {
  readonly status: 'supported';
  readonly dequantize: DequantizeBlocks;
  /** The fields of one block, in byte order; `values` decoded as the format defines. */
  readonly fields: (block: Uint8Array) => readonly BlockField[];
}

/** A type that can be sized but not decoded. llama.cpp v0.4.0 has none; one of a later version may be, for a while. */
export interface UnsupportedFormat extends FormatLayout {
  readonly status: 'unsupported';
  readonly reason: string;
}

export type QuantFormat = SupportedFormat | UnsupportedFormat;
