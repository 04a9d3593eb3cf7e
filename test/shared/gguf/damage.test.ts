import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/shared/gguf/findings';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { find, fixtureBytes, MemorySource } from '../../helpers/gguf-fixture';

/** Changes the file in place, or gives another. */
type Change = (bytes: Uint8Array<ArrayBuffer>, view: DataView) => unknown;

/** Parses the fixture after `change`. */
function damaged(change: Change): ReturnType<typeof parseGguf> {
  const bytes = fixtureBytes();
  const changed = change(bytes, new DataView(bytes.buffer));
  return parseGguf(new MemorySource(changed instanceof Uint8Array ? changed : bytes));
}

function codes(findings: readonly Finding[]): string[] {
  return findings.map((f) => f.code);
}

/** Byte of a tensor's n_dims; ne follows 4 bytes later. */
function dimsOf(bytes: Uint8Array, name: string): number {
  return find(bytes, name) + name.length;
}

describe('fatal damage names byte, found and expected', () => {
  it.each<[string, Change, string | RegExp]>([
    ['magic', (b) => b.set([0x67], 0), 'magic at byte 0 is "gGUF", expected "GGUF"'],
    ['binary magic', (b) => b.set([1, 2, 3, 4], 0), 'magic at byte 0 is 01 02 03 04, expected "GGUF"'],
    ['version 1', (_, v) => v.setUint32(4, 1, true), 'GGUF version 1 at byte 4, expected 2 or 3'],
    ['version 99', (_, v) => v.setUint32(4, 99, true), 'GGUF version 99 at byte 4, expected 2 or 3'],
    ['version 0', (_, v) => v.setUint32(4, 0, true), 'GGUF version 0 at byte 4, expected 2 or 3'],
    ['empty file', () => new Uint8Array(0), 'truncated at byte 0: the magic needs 4 bytes, 0 are left of 0'],
    ['cut version', (b) => b.subarray(0, 6), 'truncated at byte 4: the version needs 4 bytes, 2 are left of 6'],
    ['cut header', (b) => b.subarray(0, 20), 'truncated at byte 16: the number of metadata entries needs 8 bytes'],
    [
      'tensor count',
      (_, v) => v.setBigUint64(8, 2n ** 63n, true),
      /9223372036854775808 tensors at byte 8, expected at most \d+/,
    ],
    [
      'metadata count',
      (_, v) => v.setBigUint64(16, 70_000n, true),
      /70000 metadata entries at byte 16, expected at most \d+/,
    ],
    [
      'key length',
      (_, v) => v.setBigUint64(24, 2n ** 64n - 1n, true),
      'metadata key 0 at byte 24 has 18446744073709551615 bytes, expected at most 1048576',
    ],
    [
      'value type',
      (b, v) => v.setUint32(find(b, 'a.u8') + 4, 13, true),
      /value type 13 of metadata key "a.u8" at byte \d+, expected 0…12/,
    ],
    [
      'array length',
      (b, v) => v.setBigUint64(find(b, 'scores') + 6 + 4 + 4, 10_000_000n, true),
      /truncated at byte \d+: an array of 10000000 f32 needs 40000000 bytes.*\(metadata key "scores", entry at byte \d+\)/,
    ],
    [
      'absurd array length',
      (b, v) => v.setBigUint64(find(b, 'tokens') + 6 + 4 + 4, 2n ** 62n, true),
      /array at byte \d+ has 4611686018427387904 elements, expected at most 1073741824/,
    ],
    [
      'string length',
      (b, v) => v.setBigUint64(find(b, 'llama') - 8, 1_000_000n, true),
      /truncated at byte \d+: a string needs 1000000 bytes/,
    ],
    [
      'dimensions',
      (b, v) => v.setUint32(dimsOf(b, 'token_embd.weight'), 5, true),
      /tensor "token_embd.weight" has 5 dimensions at byte \d+, expected at most 4/,
    ],
    [
      'cut directory',
      (b) => b.subarray(0, find(b, 'blk.1.attn_q.weight') + 20),
      /truncated at byte \d+: the number of dimensions of tensor "blk.1.attn_q.weight" needs 4 bytes, 1 are left/,
    ],
  ])('%s', (_, change, message) => {
    expect(() => damaged(change)).toThrow(message);
    expect(() => damaged(change)).toThrow(expect.objectContaining({ name: 'QuarrelError' }));
  });
});

describe('lesser damage is a finding', () => {
  it('duplicate key', () => {
    const file = damaged((b) => b.set([0x75, 0x38], find(b, 'a.i8') + 2));
    expect(codes(file.findings)).toEqual(['duplicate-key']);
    expect(file.metadata.get('a.u8')).toBe(255);
    expect(file.findings[0]).toMatchObject({ severity: 'error', offset: find(fixtureBytes(), 'a.i8') - 8 });
  });

  it('duplicate tensor', () => {
    const file = damaged((b) => b.set([0x30], find(b, 'blk.1.attn_q') + 4));
    expect(file.findings).toMatchObject([{ code: 'duplicate-tensor', tensor: 'blk.0.attn_q.weight' }]);
  });

  it('unaligned, overlapping, not contiguous offset', () => {
    const file = damaged((b, v) => v.setBigUint64(dimsOf(b, 'blk.0.attn_q.weight') + 4 + 16 + 4, 33n, true));
    expect(codes(file.findings)).toEqual(['unaligned-offset', 'not-contiguous', 'not-contiguous', 'overlap']);
    expect(file.findings[3]?.message).toContain('inside those of "token_embd.weight"');
  });

  it.each([
    [4, 'type 4 (Q4_2) was removed from ggml: quantize the model anew, to Q4_0 say'],
    [31, 'type 31 (Q4_0_4_4) was removed from ggml: use Q4_0, which llama.cpp repacks as it loads'],
    [
      36,
      "type 36 (IQ4_NL_4_4) was removed from ggml: use IQ4_NL, which llama.cpp repacks as it loads; in BitNet's fork it is I2_S, which llama.cpp does not run",
    ],
    [139, 'type 139 is IQ4_K of ik_llama.cpp, which llama.cpp v0.4.0 does not know'],
    [77, 'type 77 is unknown to llama.cpp v0.4.0: of a fork, or of a newer version?'],
  ])('type %i', (id, message) => {
    const file = damaged((b, v) => v.setUint32(dimsOf(b, 'token_embd.weight') + 4 + 16, id, true));
    expect(file.findings[0]).toMatchObject({ code: 'unknown-type', message, tensor: 'token_embd.weight' });
    expect(file.tensors[0]).toMatchObject({ type: undefined, typeId: id, problem: message });
  });

  it('partial block', () => {
    const file = damaged((b, v) => v.setBigUint64(dimsOf(b, 'blk.0.attn_q.weight') + 4, 65n, true));
    expect(file.findings[0]).toMatchObject({ code: 'partial-block' });
    expect(file.findings[0]?.message).toBe(
      "shape 65×2×1×1 has rows of 65 elements, expected a multiple of Q8_0's block of 32",
    );
  });

  it.each([
    [2n ** 63n, '3×-9223372036854775808×1×1 has a negative extent'],
    [2n ** 53n + 1n, '3×9007199254740993×1×1 has more elements than any file can hold'],
    [2n ** 64n - 4n, '3×-4×1×1 has a negative extent'],
  ])('shape of %i rows', (ne1, message) => {
    const file = damaged((b, v) => v.setBigUint64(dimsOf(b, 'token_embd.weight') + 4 + 8, ne1, true));
    expect(codes(file.findings)).toContain('overflow');
    expect(file.tensors[0]?.problem).toContain(message);
  });

  it('empty tensor', () => {
    const file = damaged((b, v) => v.setBigUint64(dimsOf(b, 'token_embd.weight') + 4, 0n, true));
    expect(codes(file.findings)).toContain('empty-tensor');
  });

  it('offset overflow', () => {
    const at = (b: Uint8Array): number => dimsOf(b, 'blk.1.attn_q.weight') + 4 + 32 + 4;
    const file = damaged((b, v) => v.setBigUint64(at(b), 2n ** 64n - 32n, true));
    expect(codes(file.findings)).toContain('overflow');
    expect(file.tensors[2]?.problem).toContain('is beyond any file');
  });

  it('data outside the file', () => {
    const file = damaged((b) => b.subarray(0, b.length - 64));
    expect(file.findings).toMatchObject([{ code: 'outside-file', tensor: 'blk.1.attn_q.weight', severity: 'error' }]);
    expect(file.findings[0]?.message).toMatch(/data lie at bytes \d+…\d+, the file has \d+ bytes/);
  });

  it('trailing bytes', () => {
    const file = damaged((b) => Uint8Array.from([...b, 1]));
    expect(file.findings).toMatchObject([{ code: 'trailing-bytes', severity: 'warning' }]);
    expect(file.findings[0]?.message).toMatch(/^1 bytes follow/);
  });

  it.each([0, 24])('alignment %i', (alignment) => {
    const bytes = fixtureBytes({ alignment: 64 });
    new DataView(bytes.buffer).setUint32(find(bytes, 'general.alignment') + 17 + 4, alignment, true);
    const { findings } = parseGguf(new MemorySource(bytes));
    expect(findings[0]).toMatchObject({ code: 'bad-alignment', severity: 'error' });
    expect(findings[0]?.message).toContain(`is ${alignment}, expected a power of two`);
  });

  it('alignment of another type', () => {
    const metadata = [{ key: 'general.alignment', type: 'u64', value: 64 }] as const;
    const { findings, alignment } = parseGguf(new MemorySource(fixtureBytes({ metadata })));
    expect(findings[0]?.message).toBe('general.alignment is of type u64, expected u32; 32 is used');
    expect(alignment).toBe(32);
  });

  it('long tensor name', () => {
    const tensors = [{ name: 'x'.repeat(64), type: 'F32', ne: [1] }] as const;
    const { findings } = parseGguf(new MemorySource(fixtureBytes({ tensors })));
    expect(findings).toMatchObject([
      { code: 'long-name', message: 'tensor name has 64 bytes, llama.cpp takes at most 63' },
    ]);
  });

  it('name that is not UTF-8', () => {
    const file = damaged((b) => b.set([0xff], find(b, 'token_embd')));
    expect(codes(file.findings)).toEqual(['invalid-utf8']);
    expect(file.tensors[0]?.name).toBe('\ufffdoken_embd.weight');
  });

  it('more than can be read', () => {
    const tensors = Array.from({ length: 1500 }, () => ({ name: 'same', type: 'F32', ne: [8] }) as const);
    const { findings } = parseGguf(new MemorySource(fixtureBytes({ tensors })));
    expect(findings.length).toBe(1001);
    expect(findings.at(-1)).toMatchObject({ code: 'more-findings', message: '499 more findings are not listed' });
  });
});
