import { QuarrelError } from '../../src/shared/base/errors';
import type { ByteSource } from '../../src/shared/gguf/byte-source';
import { encodeGguf } from '../../src/shared/gguf/write';
import type { GgufSpec, MetadataSpec, TensorSpec } from '../../src/shared/gguf/write';
import { QUANT_FORMATS } from '../../src/shared/quant/registry';
import { randomBytes } from './random';

/** Bytes in memory as a file; counts what is read. */
export class MemorySource implements ByteSource {
  readonly label = 'fixture.gguf';
  bytesRead = 0;

  constructor(readonly bytes: Uint8Array) {}

  get size(): number {
    return this.bytes.length;
  }

  copyInto(offset: number, length: number, dst: Uint8Array, dstOffset: number): void {
    if (offset + length > this.size) throw new QuarrelError(`${this.label}: read outside the file`);
    this.bytesRead += length;
    dst.set(this.bytes.subarray(offset, offset + length), dstOffset);
  }
}

/** One metadata entry of every value type, and arrays of numbers and of strings. */
export const METADATA: readonly MetadataSpec[] = [
  { key: 'general.architecture', type: 'str', value: 'llama' },
  { key: 'a.u8', type: 'u8', value: 255 },
  { key: 'a.i8', type: 'i8', value: -128 },
  { key: 'a.u16', type: 'u16', value: 65535 },
  { key: 'a.i16', type: 'i16', value: -32768 },
  { key: 'a.u32', type: 'u32', value: 4294967295 },
  { key: 'a.i32', type: 'i32', value: -2147483648 },
  { key: 'a.f32', type: 'f32', value: 1.5 },
  { key: 'a.bool', type: 'bool', value: true },
  { key: 'a.u64', type: 'u64', value: 2n ** 64n - 1n },
  { key: 'a.i64', type: 'i64', value: -(2n ** 63n) },
  { key: 'a.f64', type: 'f64', value: Math.PI },
  { key: 'tokens', arrayOf: 'str', value: Array.from({ length: 1000 }, (_, i) => `▁token${'x'.repeat(i % 7)}${i}`) },
  { key: 'scores', arrayOf: 'f32', value: Array.from({ length: 1000 }, (_, i) => i / 8) },
  { key: 'empty', arrayOf: 'i32', value: [] },
];

export const TENSORS: readonly TensorSpec[] = [
  { name: 'token_embd.weight', type: 'F32', ne: [3, 5] },
  { name: 'blk.0.attn_q.weight', type: 'Q8_0', ne: [64, 2] },
  { name: 'blk.1.attn_q.weight', type: 'F16', ne: [4, 2, 3, 2] },
];

export function tensorData(tensors: readonly TensorSpec[], seed = 1): Uint8Array<ArrayBuffer>[] {
  return tensors.map(({ type, ne }, i) => {
    const { blockBytes, blockElements } = QUANT_FORMATS[type];
    return randomBytes((ne.reduce((product, n) => product * n, 1) / blockElements) * blockBytes, seed + i);
  });
}

/** A small valid file: every metadata type, three tensors of random data. */
export function fixtureBytes(spec: Partial<GgufSpec> = {}): Uint8Array<ArrayBuffer> {
  const full: GgufSpec = { metadata: METADATA, tensors: TENSORS, ...spec };
  return encodeGguf(full, tensorData(full.tensors));
}

/** Position of `text` in the file; a test's way to reach a field behind it. */
export function find(bytes: Uint8Array, text: string): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(text);
  if (at < 0) throw new Error(`${text} is not in the fixture`);
  return at;
}
