import { QUANT_FORMATS } from '../quant/registry';
import { GgufArray } from './array';
import type { GgufValue } from './array';
import type { Endian } from './cursor';
import type { Finding } from './findings';
import type { MetadataEntry } from './metadata';
import type { GgufModel } from './model';
import { fileRole } from './role';
import type { GgufTensor } from './tensor-directory';
import { tensorLayer } from './tensor-names';
import type { GgufValueType } from './value-type';

/** A metadata value in JSON: 64-bit integers beyond 2⁵³, NaN and infinities are strings. */
export type JsonValue = string | number | boolean | readonly JsonValue[];

export interface MetadataReport {
  readonly key: string;
  readonly type: GgufValueType;
  /** Type of an array's elements; null for scalars. */
  readonly elementType: GgufValueType | null;
  /** Elements of an array, characters of a string; null for other scalars. */
  readonly length: number | null;
  /** The value; of a long array the first elements, of a long string its beginning. */
  readonly value: JsonValue;
  /** Whether `value` is only the beginning. */
  readonly clipped: boolean;
}

export interface TensorReport {
  readonly name: string;
  /** Type name, or `unknown(ID)`. */
  readonly type: string;
  readonly ne: readonly number[];
  /** Null where type and shape do not give it. */
  readonly bytes: number | null;
  /** Byte in the file of its shard. */
  readonly offset: number;
  readonly shard: number;
  /** The N of `blk.N`, null outside layers. */
  readonly layer: number | null;
  /** Why the tensor cannot be decoded; null where it can. */
  readonly notDecodable: string | null;
}

export interface TypeTotal {
  readonly type: string;
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** What `quarrel inspect --json` prints and the model view shows. */
export interface InspectReport {
  readonly schema: 'quarrel.inspect/1';
  readonly path: string;
  readonly architecture: string | null;
  readonly name: string | null;
  /** What the file is that is no model to run (a LoRA adapter, say); null for a model. */
  readonly role: string | null;
  readonly version: number;
  readonly endian: Endian;
  readonly alignment: number;
  /** Bytes, all shards. */
  readonly fileSize: number;
  readonly dataOffset: number;
  readonly shards: readonly { readonly path: string; readonly fileSize: number; readonly dataOffset: number }[];
  readonly metadata: readonly MetadataReport[];
  readonly tensors: readonly TensorReport[];
  readonly totals: {
    readonly tensors: number;
    readonly elements: number;
    readonly bytes: number;
    /** Layers of stack `blk`. */
    readonly layers: number;
    /** Largest first. */
    readonly byType: readonly TypeTotal[];
  };
  readonly findings: readonly Finding[];
}

const SHOWN_ELEMENTS = 8;
const SHOWN_CHARACTERS = 4096;

/** Summarises a model's header. Reads the shown array elements from the file, so it must still be open. */
export function inspectReport(model: GgufModel): InspectReport {
  const { label, metadata, version, endian, alignment, fileSize, dataOffset, findings } = model;
  const tensors = model.tensors.map(tensorReport);
  return {
    schema: 'quarrel.inspect/1',
    path: label,
    architecture: metadata.string('general.architecture') ?? null,
    name: metadata.string('general.name') ?? null,
    role: fileRole(model) ?? null,
    version,
    endian,
    alignment,
    fileSize,
    dataOffset,
    shards: model.shards.map((s) => ({ path: s.label, fileSize: s.fileSize, dataOffset: s.dataOffset })),
    metadata: metadata.entries.map(metadataReport),
    tensors,
    totals: totals(model.tensors),
    findings,
  };
}

function metadataReport({ key, type, value }: MetadataEntry): MetadataReport {
  if (value instanceof GgufArray) {
    const { elementType, length } = value;
    const shown = value.slice(0, SHOWN_ELEMENTS).map(jsonValue);
    return { key, type, elementType, length, value: shown, clipped: length > shown.length };
  }
  if (typeof value === 'string') {
    const { length } = value;
    const clipped = length > SHOWN_CHARACTERS;
    return { key, type, elementType: null, length, value: value.slice(0, SHOWN_CHARACTERS), clipped };
  }
  return { key, type, elementType: null, length: null, value: jsonValue(value), clipped: false };
}

function jsonValue(value: GgufValue): JsonValue {
  if (value instanceof GgufArray) return value.slice(0, SHOWN_ELEMENTS).map(jsonValue);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'string') return value.slice(0, SHOWN_CHARACTERS);
  return value;
}

function tensorReport(tensor: GgufTensor): TensorReport {
  const { name, ne, dims, offset, shard } = tensor;
  return {
    name,
    type: typeLabel(tensor),
    ne: ne.slice(0, Math.max(1, dims)),
    bytes: tensor.byteLength ?? null,
    offset,
    shard,
    layer: tensorLayer(name) ?? null,
    notDecodable: whyNotDecodable(tensor),
  };
}

function typeLabel({ type, typeId }: GgufTensor): string {
  return type ?? `unknown(${typeId})`;
}

function whyNotDecodable({ type, problem }: GgufTensor): string | null {
  if (problem !== undefined) return problem;
  if (type === undefined) return null;
  const format = QUANT_FORMATS[type];
  return format.status === 'unsupported' ? `${type}: ${format.reason}` : null;
}

function totals(tensors: readonly GgufTensor[]): InspectReport['totals'] {
  const byType = new Map<string, { tensors: number; elements: number; bytes: number }>();
  const layers = new Set<number>();
  for (const tensor of tensors) {
    const type = typeLabel(tensor);
    const total = byType.get(type) ?? { tensors: 0, elements: 0, bytes: 0 };
    byType.set(type, total);
    total.tensors++;
    total.elements += tensor.ne.reduce((product, n) => product * n, 1);
    total.bytes += tensor.byteLength ?? 0;
    const layer = tensorLayer(tensor.name);
    if (layer !== undefined) layers.add(layer);
  }
  const rows = [...byType].map(([type, total]) => ({ type, ...total })).sort((a, b) => b.bytes - a.bytes);
  const sum = (pick: (row: TypeTotal) => number): number => rows.reduce((s, row) => s + pick(row), 0);
  return {
    tensors: tensors.length,
    elements: sum((row) => row.elements),
    bytes: sum((row) => row.bytes),
    layers: layers.size,
    byType: rows,
  };
}
