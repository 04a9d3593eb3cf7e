import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attachModel, openModel } from '../../../src/main/files/model-file';
import { decodeTensor, RowDecoder } from '../../../src/shared/gguf/decode-rows';
import type { Endian } from '../../../src/shared/gguf/cursor';
import { encodeGguf } from '../../../src/shared/gguf/write';
import { fixtureBytes, METADATA, tensorData, TENSORS } from '../../helpers/gguf-fixture';

const folder = mkdtempSync(join(tmpdir(), 'quarrel-model-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function saveShards(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const number = (n: number): string => String(n).padStart(5, '0');
    const metadata = [
      { key: 'split.no', type: 'u16', value: i },
      { key: 'split.count', type: 'u16', value: count },
    ] as const;
    const tensors = [{ name: `blk.${i}.w`, type: 'F32', ne: [4, 3] }] as const;
    const bytes = encodeGguf({ metadata, tensors }, tensorData(tensors, 40 + i));
    return save(`${prefix}-${number(i + 1)}-of-${number(count)}.gguf`, bytes);
  });
}

describe('openModel', () => {
  it('gives windows of tensors', () => {
    const model = openModel(save('plain.gguf', fixtureBytes()));
    const data = tensorData(TENSORS);
    TENSORS.forEach(({ name }, i) => {
      const tensor = model.requireTensor(name);
      const bytes = new Uint8Array(tensor.byteLength);
      tensor.copyInto(0, tensor.byteLength, bytes, 0);
      expect(bytes).toEqual(data[i]);
    });
    expect(model.tensor('absent')).toBeUndefined();
    expect(() => model.requireTensor('absent')).toThrow('no tensor absent among its 3');
    const tensor = model.requireTensor('token_embd.weight');
    expect(() => tensor.copyInto(56, 8, new Uint8Array(8), 0)).toThrow(
      'bytes 56…63 of tensor token_embd.weight: it has 60 bytes',
    );
    model.dispose();
  });

  it('leaves nothing open when it refuses', () => {
    expect(() => openModel(save('noise.gguf', new Uint8Array(64).fill(7)))).toThrow('expected "GGUF"');
    expect(() => openModel(join(folder, 'absent.gguf'))).toThrow('absent.gguf: cannot be opened: ENOENT');
  });

  it('opens a split model by any of its shards', () => {
    for (const path of saveShards('split', 3)) {
      const model = openModel(path);
      expect(model.gguf.findings).toEqual([]);
      expect(model.gguf.shards.length).toBe(3);
      const values = [0, 1, 2].map((i) => decodeTensor(model.requireTensor(`blk.${i}.w`)));
      const expected = [40, 41, 42].map((seed) => tensorData([{ name: '', type: 'F32', ne: [4, 3] }], seed)[0]);
      expect(values.map((v) => new Uint8Array(v.buffer))).toEqual(expected);
      expect(model.requireTensor('blk.2.w').path).toContain('-00003-of-00003');
      model.dispose();
    }
  });

  it('names the shards that are missing', () => {
    const [first, second] = saveShards('holes', 3) as [string, string];
    rmSync(second);
    expect(() => openModel(first)).toThrow('1 of 3 shards are missing: holes-00002-of-00003.gguf');
  });

  it('refuses one tensor of a damaged file and reads the others', () => {
    const bytes = fixtureBytes();
    const model = openModel(save('short.gguf', bytes.subarray(0, bytes.length - 64)));
    expect(model.gguf.findings.map((f) => f.code)).toEqual(['outside-file']);
    expect(() => model.tensor('blk.1.attn_q.weight')).toThrow(/cannot be read: data lie at bytes/);
    expect(decodeTensor(model.requireTensor('blk.0.attn_q.weight')).length).toBe(128);
    model.dispose();
  });

  it('notices that the file was cut while open', () => {
    const path = save('cut.gguf', fixtureBytes());
    const model = openModel(path);
    const tensor = model.requireTensor('token_embd.weight');
    truncateSync(path, 100);
    expect(() => decodeTensor(tensor)).toThrow('changed while open');
    model.dispose();
  });
});

describe('big-endian files', () => {
  const save32 = (endian: Endian, data: readonly Uint8Array[]): string =>
    save(`${endian}.gguf`, encodeGguf({ metadata: METADATA, tensors: TENSORS, endian }, data));

  it('give plain numbers little-endian, and refuse quantized blocks', () => {
    const data = tensorData(TENSORS);
    const swapped = data.map((bytes, i) => {
      const unit = [4, 1, 2][i] as number;
      const copy = bytes.slice();
      for (let at = 0; at < copy.length; at += unit) copy.subarray(at, at + unit).reverse();
      return copy;
    });
    const little = openModel(save32('little', data));
    const big = openModel(save32('big', swapped));
    for (const name of ['token_embd.weight', 'blk.1.attn_q.weight']) {
      const ours = decodeTensor(big.requireTensor(name));
      expect(new Uint32Array(ours.buffer)).toEqual(new Uint32Array(decodeTensor(little.requireTensor(name)).buffer));
    }
    expect(() => big.tensor('blk.0.attn_q.weight')).toThrow('Q8_0 blocks of big-endian files are not decoded');
    little.dispose();
    big.dispose();
  });
});

describe('attachModel', () => {
  it('reads through the owner’s mapping until it is disposed', () => {
    const model = openModel(save('attach.gguf', fixtureBytes()));
    const attached = attachModel(model.handle());
    const tensor = attached.requireTensor('token_embd.weight');
    expect(decodeTensor(tensor)).toEqual(decodeTensor(model.requireTensor('token_embd.weight')));
    model.dispose();
    expect(() => decodeTensor(tensor)).toThrow('is read after it was disposed');
  });
});

describe('RowDecoder', () => {
  it('decodes any rows, and names those that are not there', () => {
    const model = openModel(save('rows.gguf', fixtureBytes()));
    const tensor = model.requireTensor('blk.1.attn_q.weight');
    const whole = decodeTensor(tensor);
    const some = new Float32Array(2 * 4 + 1);
    new RowDecoder().decode(tensor, 7, 2, some, 1);
    expect(some.subarray(1)).toEqual(whole.subarray(28, 36));
    expect(() => new RowDecoder().decode(tensor, 11, 2, some)).toThrow(
      'rows 11…12 of tensor blk.1.attn_q.weight: it has 12 rows (0…11)',
    );
    model.dispose();
  });
});
