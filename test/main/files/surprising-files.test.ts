/** Files that surprise: named like something else, of another kind, cut, empty inside, or refused by llama.cpp alone. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectText } from '../../../src/main/cli/text/inspect-text';
import { inspectModel } from '../../../src/main/files/inspect-report';
import { isLaterShard, openModel } from '../../../src/main/files/model-file';
import type { InspectReport } from '../../../src/shared/gguf/inspect-report';
import { encodeGguf } from '../../../src/shared/gguf/write';
import type { MetadataSpec, TensorSpec } from '../../../src/shared/gguf/write';
import { find, fixtureBytes } from '../../helpers/gguf-fixture';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'surprising-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function save(name: string, bytes: Uint8Array | string): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, bytes);
  return file;
}

function inspected(file: string): InspectReport {
  const model = openModel(file);
  try {
    return inspectModel(model);
  } finally {
    model.dispose();
  }
}

const lines = (file: string): readonly string[] =>
  inspected(file).findings.map((f) => `${f.severity} ${f.code}: ${f.message}`);

const split = (no: number, count: number): MetadataSpec[] => [
  { key: 'split.no', type: 'u16', value: no },
  { key: 'split.count', type: 'u16', value: count },
];

describe("a name that looks like a shard's", () => {
  it.each(['whole-00001-of-00003.gguf', 'whole-00005-of-00003.gguf', 'whole-00000-of-00000.gguf'])(
    '%s is a whole model where split.count does not say otherwise',
    (name) => {
      const file = save(name, fixtureBytes());
      expect(inspected(file).totals.tensors).toBe(3);
      expect(lines(file).filter((line) => line.startsWith('error'))).toEqual([]);
      expect(isLaterShard(file)).toBe(false);
    },
  );

  it('is a later shard where the file says so', () => {
    expect(isLaterShard(save('parts-00002-of-00002.gguf', fixtureBytes({ metadata: split(1, 2) })))).toBe(true);
  });

  it('says that another shard is missing, and when shards were joined by copying', () => {
    const first = fixtureBytes({ metadata: split(0, 2) });
    expect(() => openModel(save('lone-00001-of-00002.gguf', first))).toThrow('1 of 2 shards are missing');
    const joined = save('joined.gguf', Buffer.concat([first, fixtureBytes({ metadata: split(1, 2) })]));
    expect(() => openModel(joined)).toThrow(
      /holds one of 2 shards, .*NAME-00001-of-00002\.gguf.*another GGUF header begins at byte \d+.*llama-gguf-split --merge/,
    );
  });
});

describe('a file of another kind is called by its name', () => {
  it.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /a Git LFS pointer.*"git lfs pull"/],
    ['<!DOCTYPE html><html>', /a web page: the server/],
    ['{"error":"Invalid username or password."}', /this is JSON$/],
    ['tjgg\x03\0\0\0', /given up for GGUF \(GGJT\)/],
    ['\x1f\x8b\x08\0', /gzip-compressed: unpack it first/],
    ['PK\x03\x04' + '\0'.repeat(30), /a zip archive/],
    ['\x40\0\0\0\0\0\0\0{"embd":', /a safetensors file: llama\.cpp's convert_hf_to_gguf\.py/],
    ['\0'.repeat(5000), /zeros from the first byte on: was the download interrupted/],
  ])('%j', (bytes, message) => {
    expect(() => openModel(save('other.gguf', Buffer.from(bytes, 'latin1')))).toThrow(message);
  });

  it.each(['https://host/m.gguf', 'hf://owner/model'])('%s is not opened', (address) => {
    expect(() => openModel(address)).toThrow(`${address}: URLs are not opened; download the file`);
  });

  it.each([
    [{ key: 'general.type', type: 'str', value: 'adapter' }, 'a LoRA adapter'],
    [{ key: 'general.type', type: 'str', value: 'imatrix' }, 'an importance matrix'],
    [{ key: 'general.architecture', type: 'str', value: 'clip' }, 'a projector for images or sound (mmproj)'],
  ] as const)('%j is no model', (entry, role) => {
    const report = inspected(save('role.gguf', fixtureBytes({ metadata: [entry] })));
    expect(inspectText(report)).toContain(`no model: ${role}`);
  });

  it('a vocabulary has no weights', () => {
    const tokens = { key: 'tokenizer.ggml.tokens', arrayOf: 'str', value: ['a'] } as const;
    const report = inspected(save('vocab.gguf', fixtureBytes({ metadata: [tokens], tensors: [] })));
    expect(report.role).toBe('a vocabulary without weights');
  });
});

describe('what llama.cpp refuses is a finding', () => {
  it('arrays of arrays, and an empty key', () => {
    // An array of 16 bytes is made one of a single array of a single u32.
    const value = [4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0];
    const metadata = [
      { key: 'nested', arrayOf: 'u8', value },
      { key: '', type: 'u8', value: 1 },
    ] as const;
    const bytes = fixtureBytes({ metadata });
    const view = new DataView(bytes.buffer);
    const at = find(bytes, 'nested') + 'nested'.length + 4;
    view.setUint32(at, 9, true);
    view.setBigUint64(at + 4, 1n, true);
    expect(lines(save('refused.gguf', bytes))).toEqual([
      'error nested-array: metadata key "nested" is an array of arrays; llama.cpp refuses the file',
      'error empty-key: metadata key 1 is empty; llama.cpp refuses the file',
    ]);
  });

  it('a big-endian file, whose blocks nobody decodes', () => {
    const report = inspected(save('big.gguf', fixtureBytes({ endian: 'big' })));
    expect(report.findings.map((f) => [f.severity, f.code])).toEqual([['error', 'big-endian']]);
    expect(report.tensors.map((t) => t.notDecodable)).toEqual([
      null,
      'Q8_0 blocks of big-endian files are not decoded',
      null,
    ]);
  });

  it('a start of the data at which it aborts', () => {
    const tensors: TensorSpec[] = [{ name: 'a', type: 'F32', ne: [8] }];
    const found = [0, 1, 2, 3].flatMap((n) => {
      const metadata: MetadataSpec[] = [{ key: 'k', type: 'str', value: 'x'.repeat(n) }];
      return lines(save('one.gguf', fixtureBytes({ metadata, tensors, alignment: 1 })));
    });
    expect(found.length).toBeGreaterThan(2);
    expect(found[0]).toMatch(
      /^warning bad-alignment: the data begin at byte \d+, no multiple of 32: llama\.cpp aborts/,
    );
  });
});

describe('what it takes is none, or a warning', () => {
  it('a key of 70,000 bytes', () => {
    const key = 'k'.repeat(70_000);
    const file = save('key.gguf', fixtureBytes({ metadata: [{ key, type: 'u8', value: 1 }] }));
    expect(lines(file)).toEqual([
      expect.stringMatching(/^warning long-name: .* has 70000 bytes, expected at most 65535 by the specification$/),
    ]);
  });

  it('a string of more than 64 MiB, of which the beginning is read', () => {
    const value = 'x'.repeat(65 << 20);
    const report = inspected(save('string.gguf', fixtureBytes({ metadata: [{ key: 's', type: 'str', value }] })));
    expect(report.findings.map((f) => [f.severity, f.code])).toEqual([['warning', 'long-string']]);
    expect(report.metadata[0]?.value).toBe('x'.repeat(4096));
  });
});

describe('a download that was interrupted', () => {
  const tensors: TensorSpec[] = ['a', 'b', 'c'].map((name) => ({ name, type: 'F32', ne: [4096] }));
  const data = tensors.map(() => new Uint8Array(4 * 4096).fill(7));

  it('is one finding where the file was cut, however many tensors that hits', () => {
    const bytes = encodeGguf({ metadata: [], tensors }, data);
    const file = save('cut.gguf', bytes.subarray(0, bytes.length - 20_000));
    expect(lines(file)).toEqual([
      `error outside-file: the file ends at byte ${bytes.length - 20_000} of ${bytes.length}: the data of 2 tensors are not all there, from "b" on; was the download interrupted?`,
    ]);
    expect(inspectText(inspected(file))).toContain(`error at byte ${bytes.length - 20_000}: the file ends`);
  });

  it('is one where the rest is zeros', () => {
    const bytes = encodeGguf({ metadata: [], tensors }, data);
    const from = bytes.length - 20_000;
    expect(lines(save('zeros.gguf', bytes.slice().fill(0, from)))).toEqual([
      `error zeros: nothing but zeros from byte ${from} to the end, beginning within the data of "b": 1 tensor is wholly zero; was the download interrupted?`,
    ]);
    expect(lines(save('zero.gguf', bytes.slice().fill(0, bytes.length - 4 * 4096)))).toEqual([
      `warning zeros: nothing but zeros from byte ${bytes.length - 4 * 4096} to the end: 1 tensor is wholly zero`,
    ]);
    expect(lines(save('few.gguf', bytes.slice().fill(0, bytes.length - 4000)))).toEqual([]);
  });
});

it('a finding names tensor and file of a split model', () => {
  const parts = [0, 1].map((no) => {
    const tensors: TensorSpec[] = [{ name: `t${no}`, type: 'F32', ne: [4] }];
    return fixtureBytes({ metadata: split(no, 2), tensors });
  });
  const second = parts[1]!.slice();
  new DataView(second.buffer).setUint32(find(second, 't1') + 2 + 4 + 8, 139, true);
  const file = save('named-00001-of-00002.gguf', parts[0]!);
  save('named-00002-of-00002.gguf', second);
  expect(inspectText(inspected(file))).toMatch(
    /error at byte \d+ of named-00002-of-00002\.gguf: tensor "t1": type 139 is IQ4_K of ik_llama\.cpp/,
  );
});
