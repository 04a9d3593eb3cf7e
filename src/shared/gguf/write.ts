/** Writes GGUF headers: for fixtures and for models that Quarrel makes itself. Source: ggml/docs/gguf.md. */
import { assert } from '../base/assert';
import { GgmlType } from '../quant/ggml-type';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';
import type { Endian } from './cursor';
import { DEFAULT_ALIGNMENT } from './limits';
import { alignUp } from './tensor-layout';
import { GGUF_VALUE_TYPES } from './value-type';
import type { GgufValueType } from './value-type';

export type ScalarType = Exclude<GgufValueType, 'arr'>;
export type ScalarValue = number | bigint | boolean | string;

/** A key with its value: a scalar, or an array of scalars of one type. */
export type MetadataSpec =
  | { readonly key: string; readonly type: ScalarType; readonly value: ScalarValue }
  | { readonly key: string; readonly arrayOf: ScalarType; readonly value: readonly ScalarValue[] };

export interface TensorSpec {
  readonly name: string;
  readonly type: GgmlTypeName;
  /** One to four dimensions, fastest first. */
  readonly ne: readonly number[];
}

export interface GgufSpec {
  readonly version?: 2 | 3;
  readonly endian?: Endian;
  /** `general.alignment` is written when this is given. */
  readonly alignment?: number;
  readonly metadata: readonly MetadataSpec[];
  readonly tensors: readonly TensorSpec[];
}

export interface GgufLayout {
  /** Everything before the data section, padded to its start. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Where each tensor's data go, in the order given; up to the next offset (or `fileSize`) lies zero padding. */
  readonly tensors: readonly { readonly offset: number; readonly byteLength: number }[];
  readonly fileSize: number;
}

/** Lays a file out: its header's bytes, and where the caller writes the tensors' data. */
export function layoutGguf(spec: GgufSpec): GgufLayout {
  const alignment = spec.alignment ?? DEFAULT_ALIGNMENT;
  const metadata: MetadataSpec[] = [...spec.metadata];
  if (spec.alignment !== undefined) metadata.push({ key: 'general.alignment', type: 'u32', value: alignment });

  const out = new Encoder(spec.endian ?? 'little');
  out.raw(new TextEncoder().encode('GGUF'));
  out.scalar('u32', spec.version ?? 3);
  out.scalar('u64', spec.tensors.length);
  out.scalar('u64', metadata.length);
  for (const entry of metadata) writeEntry(out, entry);

  const sizes = spec.tensors.map(dataBytes);
  let relative = 0;
  const starts = spec.tensors.map((tensor, i) => {
    const start = relative;
    writeTensorInfo(out, tensor, start);
    relative = alignUp(start + (sizes[i] as number), alignment);
    return start;
  });
  if (spec.tensors.length > 0) out.raw(new Uint8Array(alignUp(out.length, alignment) - out.length));

  const header = out.bytes();
  const tensors = starts.map((start, i) => ({ offset: header.length + start, byteLength: sizes[i] as number }));
  return { header, tensors, fileSize: header.length + relative };
}

/**
 * A whole file in memory.
 * @param data one tensor's bytes each, in the file's endianness
 */
export function encodeGguf(spec: GgufSpec, data: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const layout = layoutGguf(spec);
  const file = new Uint8Array(layout.fileSize);
  file.set(layout.header);
  layout.tensors.forEach(({ offset, byteLength }, i) => {
    const bytes = data[i];
    assert(bytes?.length === byteLength, `tensor ${i} has ${bytes?.length} bytes of data, expected ${byteLength}`);
    file.set(bytes, offset);
  });
  return file;
}

function dataBytes({ name, type, ne }: TensorSpec): number {
  const { blockElements, blockBytes } = QUANT_FORMATS[type];
  assert((ne[0] ?? 1) % blockElements === 0, `tensor ${name}: rows of ${ne[0]} are not whole blocks of ${type}`);
  return (ne.reduce((product, n) => product * n, 1) / blockElements) * blockBytes;
}

function writeEntry(out: Encoder, entry: MetadataSpec): void {
  out.scalar('str', entry.key);
  if ('type' in entry) {
    out.scalar('u32', GGUF_VALUE_TYPES.indexOf(entry.type));
    out.scalar(entry.type, entry.value);
    return;
  }
  out.scalar('u32', GGUF_VALUE_TYPES.indexOf('arr'));
  out.scalar('u32', GGUF_VALUE_TYPES.indexOf(entry.arrayOf));
  out.scalar('u64', entry.value.length);
  for (const value of entry.value) out.scalar(entry.arrayOf, value);
}

function writeTensorInfo(out: Encoder, { name, type, ne }: TensorSpec, relativeOffset: number): void {
  out.scalar('str', name);
  out.scalar('u32', ne.length);
  for (const n of ne) out.scalar('u64', n);
  out.scalar('u32', GgmlType[type]);
  out.scalar('u64', relativeOffset);
}

/** Bytes that grow. */
class Encoder {
  private buffer = new Uint8Array(1 << 16);
  length = 0;
  private readonly little: boolean;

  constructor(endian: Endian) {
    this.little = endian === 'little';
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  scalar(type: ScalarType, value: ScalarValue): void {
    if (type === 'str') {
      const text = new TextEncoder().encode(String(value));
      this.scalar('u64', text.length);
      this.raw(text);
      return;
    }
    if (type === 'u64' || type === 'i64') {
      const at = this.reserve(8);
      const view = new DataView(this.buffer.buffer);
      view[type === 'u64' ? 'setBigUint64' : 'setBigInt64'](at, BigInt(value), this.little);
      return;
    }
    this.number(type, Number(value));
  }

  private number(type: Exclude<ScalarType, 'str' | 'u64' | 'i64'>, value: number): void {
    const { bytes, setter } = NUMBER_SETTERS[type];
    const at = this.reserve(bytes);
    new DataView(this.buffer.buffer)[setter](at, value, this.little);
  }

  private reserve(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.buffer.length));
      grown.set(this.buffer);
      this.buffer = grown;
    }
    return at;
  }
}

const NUMBER_SETTERS = {
  u8: { bytes: 1, setter: 'setUint8' },
  i8: { bytes: 1, setter: 'setInt8' },
  bool: { bytes: 1, setter: 'setUint8' },
  u16: { bytes: 2, setter: 'setUint16' },
  i16: { bytes: 2, setter: 'setInt16' },
  u32: { bytes: 4, setter: 'setUint32' },
  i32: { bytes: 4, setter: 'setInt32' },
  f32: { bytes: 4, setter: 'setFloat32' },
  f64: { bytes: 8, setter: 'setFloat64' },
} as const;
