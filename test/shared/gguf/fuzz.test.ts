import { describe, expect, it } from 'vitest';
import { QuarrelError } from '../../../src/shared/base/errors';
import { GgufArray } from '../../../src/shared/gguf/array';
import { inspectReport } from '../../../src/shared/gguf/inspect-report';
import { assembleModel } from '../../../src/shared/gguf/model';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { fixtureBytes, MemorySource } from '../../helpers/gguf-fixture';
import { randomWords } from '../../helpers/random';

/** Parses and reads all of it; true when the file was refused with a clear error. Anything else that is thrown fails. */
function refused(bytes: Uint8Array): boolean {
  try {
    const file = parseGguf(new MemorySource(bytes));
    for (const { value } of file.metadata.entries) if (value instanceof GgufArray) value.slice(0, value.length);
    JSON.stringify(inspectReport(assembleModel([file])));
    return false;
  } catch (error) {
    if (!(error instanceof QuarrelError)) throw error;
    expect(error.message).not.toContain('\n');
    return true;
  }
}

const metadata = [
  { key: 'general.alignment', type: 'u32', value: 32 },
  { key: 'n', type: 'u64', value: 7 },
  { key: 'tokens', arrayOf: 'str', value: ['a', 'bc', '', 'def'] },
  { key: 'scores', arrayOf: 'f32', value: [1, 2, 3] },
] as const;

describe('hostile files', () => {
  const whole = fixtureBytes({ metadata });
  const headerBytes = parseGguf(new MemorySource(whole)).dataOffset;

  it('cut at any byte are refused or have findings', () => {
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      expect(refused(cut) || parseGguf(new MemorySource(cut)).findings.length > 0).toBe(true);
    }
  });

  it('with any one byte changed end in a result or a clear error', () => {
    for (let at = 0; at < headerBytes; at++) {
      for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        const bytes = whole.slice();
        bytes[at] = value;
        refused(bytes);
      }
    }
    expect(refused(whole)).toBe(false);
  });

  it('with random bytes changed end in a result or a clear error', () => {
    const words = randomWords(3000 * 9, 11);
    let refusals = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = whole.slice();
      const changes = 1 + (words[round * 9]! & 7);
      for (let i = 1; i <= changes; i++) {
        const word = words[round * 9 + i]!;
        bytes[(word >>> 8) % headerBytes] = word & 0xff;
      }
      if (refused(bytes)) refusals++;
    }
    expect(refusals).toBeGreaterThan(100);
  });

  it('that claim the largest counts are refused without work', () => {
    const started = performance.now();
    for (const at of [8, 16]) {
      for (const count of [2n ** 16n, 2n ** 20n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n]) {
        const bytes = whole.slice();
        new DataView(bytes.buffer).setBigUint64(at, count, true);
        expect(refused(bytes)).toBe(true);
      }
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
