import fs from 'node:fs';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { StdinLines } from '../../../src/main/capture/stdin-lines';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Everything that is read from a stdin which hands out these pieces, one per read, and how many reads that took. */
function linesOf(...pieces: readonly (string | Uint8Array | Error)[]): {
  lines: (string | undefined)[];
  reads: number;
} {
  const left = [...pieces];
  const read = vi.spyOn(fs, 'readSync').mockImplementation((fd: number, into: NodeJS.ArrayBufferView): number => {
    expect(fd).toBe(0);
    const piece = left.shift();
    if (piece === undefined) return 0;
    if (piece instanceof Error) throw piece;
    const bytes = Buffer.from(piece);
    expect(bytes.length).toBeLessThanOrEqual(into.byteLength);
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes);
    return bytes.length;
  });
  const stdin = new StdinLines();
  const lines: (string | undefined)[] = [];
  do lines.push(stdin.next());
  while (lines.at(-1) !== undefined);
  return { lines, reads: read.mock.calls.length };
}

describe('StdinLines', () => {
  it('gives one line after another, however they arrive', () => {
    expect(linesOf('{"a":1}\n{"b":2}\n').lines).toEqual(['{"a":1}', '{"b":2}', undefined]);
    expect(linesOf('{"a"', ':1}', '\n{"b":2}\n{"c"', ':3}\n').lines).toEqual([
      ...['{"a":1}', '{"b":2}', '{"c":3}', undefined],
    ]);
  });

  it('reads no further than it needs to', () => {
    const readSync = vi
      .spyOn(fs, 'readSync')
      .mockImplementation((_fd: number, into: NodeJS.ArrayBufferView): number => {
        return Buffer.from(into.buffer, into.byteOffset).write('one\ntwo\n');
      });
    const stdin = new StdinLines();
    expect([stdin.next(), stdin.next()]).toEqual(['one', 'two']);
    expect(readSync).toHaveBeenCalledTimes(1);
  });

  it('keeps characters whole whose bytes arrive apart', () => {
    const bytes = Buffer.from('Größe 🦙\nzwei\n');
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(linesOf(bytes.subarray(0, cut), bytes.subarray(cut)).lines).toEqual(['Größe 🦙', 'zwei', undefined]);
    }
  });

  it('keeps a line that is longer than one read', () => {
    const chunk = 'x'.repeat(64 * 1024);
    expect(linesOf(chunk, chunk, 'y\nz\n').lines).toEqual([`${chunk}${chunk}y`, 'z', undefined]);
  });

  it('gives empty lines, and a last line without an end', () => {
    expect(linesOf('\n\nlast').lines).toEqual(['', '', 'last', undefined]);
    expect(linesOf().lines).toEqual([undefined]);
  });

  it('keeps what it has handed out when the next read fills the same buffer', () => {
    expect(linesOf('first\nsec', 'ond\nthird\n').lines).toEqual(['first', 'second', 'third', undefined]);
  });

  it('takes the EOF of Windows for the end, and no other error', () => {
    expect(linesOf('one\n', Object.assign(new Error('EOF: end of file, read'), { code: 'EOF' })).lines).toEqual([
      ...['one', undefined],
    ]);
    expect(() => linesOf(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }))).toThrow('EIO');
  });
});
