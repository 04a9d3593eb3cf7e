import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openModel } from '../../../src/main/files/model-file';
import { DecodePool } from '../../../src/main/workers/decode-pool';
import { decodeTensor, rowCount } from '../../../src/shared/gguf/decode-rows';
import { QUANT_FORMATS } from '../../../src/shared/quant/registry';
import { differences } from '../../helpers/decoder-suite';
import { fixtureBytes } from '../../helpers/gguf-fixture';

/** Ten tiles of 2²⁰ values in one tensor, and one small tensor of every decodable type. */
const decodable = Object.values(QUANT_FORMATS).filter((f) => f.status === 'supported');
const tensors = [
  { name: 'large', type: 'Q4_K', ne: [4096, 2500] } as const,
  ...decodable.map(({ type }) => ({ name: `small.${type}`, type, ne: [256, 7] })),
  // One row of more values than a usual tile has: its tile makes the shared memory grow while the threads run.
  { name: 'wide', type: 'Q8_0', ne: [3 << 19, 3] } as const,
];
const folder = mkdtempSync(join(tmpdir(), 'quarrel-pool-'));
const path = join(folder, 'model.gguf');
writeFileSync(path, fixtureBytes({ tensors, metadata: [] }));
const model = openModel(path);
const pool = new DecodePool(model, 2);
afterAll(async () => {
  await pool.dispose();
  model.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Equal bits, any NaN for a NaN (the random blocks have NaN scales). */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && differences(a, b, false).length === 0;
}

describe('decodeRows', () => {
  it.each(tensors.map((t) => t.name))('%s: equal bits with one thread', async (name) => {
    const tensor = model.requireTensor(name);
    const values = await pool.decodeRows(name, 0, rowCount(tensor));
    expect(values.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(sameBits(values, decodeTensor(tensor))).toBe(true);
  });

  it('decodes with the scalar reference on request', async () => {
    const tensor = model.requireTensor('large');
    const values = await pool.decodeRows('large', 0, 600, { decoder: 'scalar' });
    expect(sameBits(values, decodeTensor(tensor).subarray(0, 600 * 4096))).toBe(true);
    for await (const tile of pool.tiles('small.Q6_K', { decoder: 'scalar' })) {
      expect(sameBits(tile.values, decodeTensor(model.requireTensor('small.Q6_K')))).toBe(true);
    }
  });

  it('decodes some rows into the caller’s memory', async () => {
    const whole = decodeTensor(model.requireTensor('large'));
    const into = new Float32Array(new SharedArrayBuffer(4 * 4096 * 301)).fill(42);
    const progress: number[] = [];
    const options = { onProgress: (p: { done: number }) => progress.push(p.done) };
    const values = await pool.decodeRows('large', 500, 300, options, into);
    expect(values).toBe(into);
    expect(sameBits(into.subarray(0, 300 * 4096), whole.subarray(500 * 4096, 800 * 4096))).toBe(true);
    expect(into.subarray(300 * 4096).every((x) => x === 42)).toBe(true);
    expect([progress.length, progress.at(-1)]).toEqual([2, 300]);
  });

  it('refuses with one clear line', async () => {
    await expect(pool.decodeRows('absent', 0, 1)).rejects.toThrow('no tensor absent');
    await expect(pool.decodeRows('small.F32', 5, 3)).rejects.toThrow(
      'rows 5…7 of tensor small.F32: it has 7 rows (0…6)',
    );
  });

  it('stops when aborted', async () => {
    const abort = new AbortController();
    const done: number[] = [];
    const onProgress = (p: { done: number }): void => {
      done.push(p.done);
      abort.abort();
    };
    const decoding = pool.decodeRows('large', 0, 2500, { signal: abort.signal, onProgress });
    await expect(decoding).rejects.toMatchObject({ name: 'CancelledError' });
    expect(done.at(-1)).toBeLessThan(2500);
    expect(sameBits(await pool.decodeRows('small.F32', 0, 7), decodeTensor(model.requireTensor('small.F32')))).toBe(
      true,
    );
  });
});

describe('tiles', () => {
  it('stream a tensor in order with equal bits, in reused memory', async () => {
    const whole = decodeTensor(model.requireTensor('large'));
    const places = new Set<number>();
    let next = 0;
    for await (const { firstRow, rows, values } of pool.tiles('large')) {
      expect(firstRow).toBe(next);
      expect(sameBits(values, whole.subarray(firstRow * 4096, (firstRow + rows) * 4096))).toBe(true);
      places.add(values.byteOffset);
      next += rows;
    }
    expect(next).toBe(2500);
    expect(places.size).toBe(4);
  });

  it('grow the memory for wide rows, and not for each call', async () => {
    const whole = decodeTensor(model.requireTensor('wide'));
    let first: number | undefined;
    for (let call = 0; call < 3; call++) {
      for await (const { firstRow, rows, values } of pool.tiles('wide')) {
        expect(rows).toBe(1);
        expect(sameBits(values, whole.subarray(firstRow * (3 << 19), (firstRow + 1) * (3 << 19)))).toBe(true);
        first ??= values.buffer.byteLength;
        expect(values.buffer.byteLength).toBe(first);
      }
    }
  });

  it('keep two streams at a time apart', async () => {
    const large = decodeTensor(model.requireTensor('large'));
    const wide = decodeTensor(model.requireTensor('wide'));
    const one = pool.tiles('large');
    const other = pool.tiles('wide');
    for (let i = 0; i < 3; i++) {
      const [a, b] = await Promise.all([one.next(), other.next()]);
      if (a.done || b.done) throw new Error('a stream ended early');
      expect(sameBits(a.value.values, large.subarray(a.value.firstRow * 4096).subarray(0, a.value.rows * 4096))).toBe(
        true,
      );
      expect(sameBits(b.value.values, wide.subarray(i * (3 << 19), (i + 1) * (3 << 19)))).toBe(true);
    }
    await Promise.all([one.return(), other.return()]);
  });

  it('may be left early', async () => {
    for await (const { firstRow } of pool.tiles('large')) if (firstRow > 0) break;
    const rows: number[] = [];
    for await (const tile of pool.tiles('small.Q6_K')) rows.push(tile.rows);
    expect(rows).toEqual([7]);
  });

  it('stop when aborted', async () => {
    const abort = new AbortController();
    let seen = 0;
    const stream = async (): Promise<void> => {
      for await (const tile of pool.tiles('large', { signal: abort.signal })) {
        seen += tile.rows;
        abort.abort();
      }
    };
    await expect(stream()).rejects.toMatchObject({ name: 'CancelledError' });
    expect(seen).toBe(256);
  });
});

describe('failures in a worker', () => {
  it('reach the caller as they are: the file was cut while open', async () => {
    const copy = join(folder, 'cut.gguf');
    copyFileSync(path, copy);
    const cut = openModel(copy);
    const own = new DecodePool(cut, 1);
    truncateSync(copy, 1000);
    await expect(own.decodeRows('large', 0, 2500)).rejects.toThrow(/^.*cut\.gguf: changed while open: 1000 bytes/);
    await expect(own.decodeRows('large', 0, 1)).rejects.toMatchObject({ name: 'QuarrelError' });
    await own.dispose();
    await own.dispose();
    cut.dispose();
    await expect(own.decodeRows('large', 0, 1)).rejects.toThrow('after the pool was disposed');
  });
});
