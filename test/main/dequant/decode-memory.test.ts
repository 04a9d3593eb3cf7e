import { describe, expect, it } from 'vitest';
import { DecodeMemory, WINDOW_BYTES } from '../../../src/main/dequant/decode-memory';
import { WasmDecoder } from '../../../src/main/dequant/wasm-decoder';
import { wasmPath } from '../../../src/main/entry-path';
import type { WeightTensor } from '../../../src/shared/gguf/model-source';
import { decodeTensor } from '../../../src/shared/gguf/decode-rows';
import { QuarrelError } from '../../../src/shared/base/errors';
import { differences } from '../../helpers/decoder-suite';
import { ordinaryBlocks } from '../../helpers/scales';

/** A Q4_K tensor in memory. */
function q4kTensor(columns: number, rows: number): WeightTensor {
  const bytes = ordinaryBlocks('Q4_K', (columns * rows) / 256, 3);
  return {
    name: 'w',
    type: 'Q4_K',
    ne: [columns, rows, 1, 1],
    byteLength: bytes.length,
    copyInto: (offset, length, dst, dstOffset) => dst.set(bytes.subarray(offset, offset + length), dstOffset),
  };
}

describe('slots', () => {
  it('do not overlap, and are used again', () => {
    const memory = new DecodeMemory();
    const a = memory.lease(1000);
    const b = memory.lease(1000);
    expect(b.window).toBeGreaterThanOrEqual(a.tile + 4000);
    expect(a.tile - a.window).toBe(WINDOW_BYTES);
    memory.giveBack(a);
    expect(memory.lease(2000)).not.toBe(a);
    expect(memory.lease(1000)).toBe(a);
  });

  it('are refused with one clear line where memory ends', () => {
    const memory = new DecodeMemory();
    expect(() => memory.lease(2 ** 30)).toThrow(QuarrelError);
    expect(() => memory.lease(2 ** 30)).toThrow('no memory to decode into: 4097 MiB were asked for, at most 4096 are');
    expect(memory.lease(1000).tileElements).toBe(1000);
  });

  it('that were leased after a decoder began are seen by it', () => {
    const memory = new DecodeMemory();
    const decoder = new WasmDecoder(memory.handle());
    const tensor = q4kTensor(512, 40);
    const slot = memory.lease(512 * 40);
    decoder.decodeTile(tensor, 0, 40, slot);
    expect(differences(memory.values(slot, 512 * 40), decodeTensor(tensor), true)).toEqual([]);
  });
});

describe('WasmDecoder', () => {
  const memory = new DecodeMemory();
  const decoder = new WasmDecoder(memory.handle());
  const tensor = q4kTensor(1024, 600); // more than a window of bytes, and than a scratch of values
  const whole = decodeTensor(tensor);

  it('decodes rows into a tile, and nothing past them', () => {
    const slot = memory.lease(500 * 1024 + 16);
    memory.values(slot, slot.tileElements).fill(42);
    decoder.decodeTile(tensor, 50, 500, slot);
    expect(differences(memory.values(slot, 500 * 1024), whole.subarray(50 * 1024, 550 * 1024), true)).toEqual([]);
    expect(Array.from(decoder.values(slot).subarray(500 * 1024))).toEqual(Array.from({ length: 16 }, () => 42));
  });

  it('decodes rows into an array by way of a small tile', () => {
    const slot = memory.lease(1000);
    const dst = new Float32Array(302 * 1024).fill(42);
    decoder.decodeRows(tensor, 100, 300, slot, dst, 1024);
    expect(differences(dst.subarray(1024, 301 * 1024), whole.subarray(100 * 1024, 400 * 1024), true)).toEqual([]);
    expect(dst.subarray(0, 1024).every((x) => x === 42) && dst.subarray(301 * 1024).every((x) => x === 42)).toBe(true);
  });

  it('refuses what does not exist or fit', () => {
    const slot = memory.lease(1024);
    expect(() => decoder.decodeTile(tensor, 599, 2, slot)).toThrow('rows 599…600 of tensor w: it has 600 rows (0…599)');
    expect(() => decoder.decodeTile(tensor, 0, 2, slot)).toThrow('2048 values for a tile of 1024');
    expect(() => decoder.decodeRows(tensor, 0, 2, slot, new Float32Array(2047), 0)).toThrow('do not fit 2047 elements');
    expect(() => decoder.dequantize('Q4_K', memory.lease(255))).not.toThrow();
    expect(() => decoder.decodeRows(tensor, 0, 1, memory.lease(255), new Float32Array(1024), 0)).toThrow(
      'a tile of 255 holds no block of Q4_K',
    );
  });
});

it('says how to get a module that is missing', () => {
  const missing = 'never-built' as Parameters<typeof wasmPath>[0];
  expect(() => wasmPath(missing)).toThrow(QuarrelError);
  expect(() => wasmPath(missing)).toThrow('never-built.wasm is missing in');
});
