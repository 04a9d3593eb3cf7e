import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { MappedFile } from '../../../src/main/files/mapped-file';
import { randomBytes } from '../../helpers/random';

const folder = mkdtempSync(join(tmpdir(), 'quarrel-mapped-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeFile(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('MappedFile', () => {
  const bytes = randomBytes(100_001, 4);

  it.each(['copyInto', 'readInto'] as const)('%s takes windows at any offset into plain and shared memory', (way) => {
    const file = MappedFile.open(makeFile('plain', bytes));
    for (const [offset, length, at] of [
      [0, 100_001, 0],
      [1, 4097, 3],
      [100_000, 1, 7],
      [50, 0, 0],
    ] as const) {
      for (const buffer of [new ArrayBuffer(100_010), new SharedArrayBuffer(100_010)]) {
        const dst = new Uint8Array(buffer).fill(0xaa);
        file[way](offset, length, dst, at);
        expect(Buffer.compare(dst.subarray(at, at + length), bytes.subarray(offset, offset + length))).toBe(0);
        expect(dst.subarray(0, at).every((b) => b === 0xaa)).toBe(true);
        expect(dst.subarray(at + length).every((b) => b === 0xaa)).toBe(true);
      }
    }
    file.dispose();
  });

  it.each(['copyInto', 'readInto'] as const)('%s refuses windows outside the file', (way) => {
    const path = makeFile(`outside ${way}`, bytes);
    const file = MappedFile.open(path);
    const dst = new Uint8Array(100);
    expect(() => file[way](100_000, 2, dst, 0)).toThrow(
      `${path}: bytes 100000…100001 lie outside the file of 100001 bytes`,
    );
    expect(() => file[way](-1, 2, dst, 0)).toThrow('lie outside the file');
    expect(() => file[way](0, 100, dst, 1)).toThrow('do not fit');
    file.dispose();
  });

  it('notices that the file was cut or grew, instead of dying of SIGBUS', () => {
    const path = makeFile('cut', bytes);
    const file = MappedFile.open(path);
    const dst = new Uint8Array(100);
    truncateSync(path, 10);
    expect(() => file.copyInto(90_000, 100, dst, 0)).toThrow(
      `${path}: changed while open: 10 bytes, expected the 100001 it had when opened`,
    );
    expect(() => file.readInto(90_000, 100, dst, 0)).toThrow('changed while open: 10 bytes');
    truncateSync(path, 200_000);
    expect(() => file.copyInto(0, 100, dst, 0)).toThrow('changed while open: 200000 bytes');
    file.dispose();
  });

  it('refuses what cannot be mapped, in one line', () => {
    expect(() => MappedFile.open(join(folder, 'absent'))).toThrow(/absent: cannot be opened: ENOENT/);
    expect(() => MappedFile.open(makeFile('empty', new Uint8Array(0)))).toThrow('empty: the file is empty');
    expect(() => MappedFile.open(folder)).toThrow('it is a folder; a file is expected');
  });

  it('is an error to read after dispose, also for who attached; disposing twice is fine', () => {
    const file = MappedFile.open(makeFile('disposed', bytes));
    const attached = MappedFile.attach(file.handle());
    const dst = new Uint8Array(4);
    attached.copyInto(0, 4, dst, 0);
    expect([...dst]).toEqual([...bytes.subarray(0, 4)]);
    attached.dispose();
    file.copyInto(0, 4, dst, 0);
    file.dispose();
    file.dispose();
    expect(() => file.copyInto(0, 4, dst, 0)).toThrow('is read after it was disposed');
    expect(() => attached.copyInto(0, 4, dst, 0)).toThrow('is read after it was disposed');
  });

  it('gives a handle that survives the way to another thread', async () => {
    const file = MappedFile.open(makeFile('handle', bytes));
    const worker = new Worker(
      "const { parentPort } = require('worker_threads'); parentPort.on('message', (m) => parentPort.postMessage(m));",
      {
        eval: true,
      },
    );
    const back = await new Promise<ReturnType<MappedFile['handle']>>((resolve) => {
      worker.once('message', resolve);
      worker.postMessage(file.handle());
    });
    await worker.terminate();
    const dst = new Uint8Array(16);
    MappedFile.attach(back).copyInto(5, 16, dst, 0);
    expect([...dst]).toEqual([...bytes.subarray(5, 21)]);
    file.dispose();
    expect(() => MappedFile.attach(back).copyInto(5, 16, dst, 0)).toThrow('is read after it was disposed');
  });
});
