import { QuarrelError } from '../base/errors';
import type { Dims } from '../graph/graph';
import { ggmlTypeName } from '../quant/ggml-type';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';
import type { Cursor } from './cursor';
import { unknownTypeText } from './foreign-types';
import type { Findings } from './findings';
import { MAX_DIMS, MAX_READ_NAME_BYTES, MAX_TENSOR_NAME_BYTES } from './limits';
import { quoted, readCheckedText } from './text';

/** One tensor of the directory, plain data. */
export interface GgufTensor {
  readonly name: string;
  /** ggml's type id as stored. */
  readonly typeId: number;
  /** Undefined for an id that llama.cpp v0.4.0 does not know. */
  readonly type: GgmlTypeName | undefined;
  readonly ne: Dims;
  /** How many dimensions the file gives; the rest of `ne` is 1. */
  readonly dims: number;
  /** First byte of the data in its shard's file. */
  readonly offset: number;
  /** Bytes of the data; undefined where type or shape do not give it. */
  readonly byteLength: number | undefined;
  /** Byte of the directory entry. */
  readonly infoOffset: number;
  readonly shard: number;
  /** Why the data cannot be read, where it cannot. */
  readonly problem?: string;
}

/** A directory entry as read, before the data section's start is known. */
export interface TensorInfo {
  readonly name: string;
  readonly typeId: number;
  readonly ne: Dims;
  readonly dims: number;
  /** Offset of the data inside the data section. */
  readonly relativeOffset: number;
  readonly infoOffset: number;
  /** Shape and offset with all digits, also where the numbers above are rounded. */
  readonly shapeText: string;
  readonly offsetText: string;
}

/** What a tensor's type and shape say about its size, or why they say nothing. */
export type TensorSize =
  | { readonly ok: true; readonly byteLength: number }
  | { readonly ok: false; readonly code: 'unknown-type' | 'partial-block' | 'overflow'; readonly message: string };

/** Reads `count` directory entries. Throws QuarrelError where the layout is lost. */
export function readTensorInfos(cursor: Cursor, count: number, findings: Findings): TensorInfo[] {
  const infos: TensorInfo[] = [];
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const info = readTensorInfo(cursor, i, findings);
    const first = seen.get(info.name);
    if (first === undefined) seen.set(info.name, info.infoOffset);
    else {
      const message = `tensor ${quoted(info.name)} comes twice, first at byte ${first}; llama.cpp refuses the file`;
      findings.add('error', 'duplicate-tensor', info.infoOffset, message, info.name);
    }
    infos.push(info);
  }
  return infos;
}

function readTensorInfo(cursor: Cursor, index: number, findings: Findings): TensorInfo {
  const infoOffset = cursor.position;
  const { text: name, valid } = readCheckedText(cursor, MAX_READ_NAME_BYTES, `the name of tensor ${index}`);
  const nameBytes = cursor.position - infoOffset - 8;
  if (!valid) findings.add('warning', 'invalid-utf8', infoOffset, `tensor name ${quoted(name)} is not UTF-8`, name);
  if (nameBytes > MAX_TENSOR_NAME_BYTES) {
    const message = `tensor name has ${nameBytes} bytes, llama.cpp takes at most ${MAX_TENSOR_NAME_BYTES}`;
    findings.add('error', 'long-name', infoOffset, message, name);
  }
  const at = cursor.position;
  const dims = cursor.u32(`the number of dimensions of tensor ${quoted(name)}`);
  if (dims > MAX_DIMS) {
    throw new QuarrelError(
      `${cursor.label}: tensor ${quoted(name)} has ${dims} dimensions at byte ${at}, expected at most ${MAX_DIMS}`,
    );
  }
  const ne: [number, number, number, number] = [1, 1, 1, 1];
  const shapeAt = cursor.position;
  for (let d = 0; d < dims; d++) ne[d] = cursor.count(`ne[${d}] of tensor ${quoted(name)}`);
  const typeId = cursor.u32(`the type of tensor ${quoted(name)}`);
  const offsetAt = cursor.position;
  const relativeOffset = cursor.count(`the offset of tensor ${quoted(name)}`);
  // Extents are signed in ggml.
  const exact = (n: number, d: number): string =>
    Number.isSafeInteger(n) ? String(n) : String(BigInt.asIntN(64, cursor.exact(shapeAt + 8 * d)));
  const shapeText = ne.map(exact).join('×');
  const offsetText = String(Number.isSafeInteger(relativeOffset) ? relativeOffset : cursor.exact(offsetAt));
  return { name, typeId, ne, dims, relativeOffset, infoOffset, shapeText, offsetText };
}

/** Bytes of a tensor by its type and shape. */
export function tensorSize({ typeId, ne, shapeText }: Pick<TensorInfo, 'typeId' | 'ne' | 'shapeText'>): TensorSize {
  const type = ggmlTypeName(typeId);
  if (type === undefined) return { ok: false, code: 'unknown-type', message: unknownTypeText(typeId) };
  const { blockElements, blockBytes } = QUANT_FORMATS[type];
  const shape = `shape ${shapeText}`;
  if (shapeText.includes('-')) return { ok: false, code: 'overflow', message: `${shape} has a negative extent` };
  const elements = ne[0] * ne[1] * ne[2] * ne[3];
  if (!ne.every(Number.isSafeInteger) || !Number.isSafeInteger(elements)) {
    return { ok: false, code: 'overflow', message: `${shape} has more elements than any file can hold` };
  }
  if (ne[0] % blockElements !== 0) {
    const message = `${shape} has rows of ${ne[0]} elements, expected a multiple of ${type}'s block of ${blockElements}`;
    return { ok: false, code: 'partial-block', message };
  }
  const byteLength = (elements / blockElements) * blockBytes;
  if (Number.isSafeInteger(byteLength)) return { ok: true, byteLength };
  return { ok: false, code: 'overflow', message: `${shape} has more bytes than any file can hold` };
}
