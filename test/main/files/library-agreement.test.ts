import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { afterAll, describe, expect, it } from 'vitest';
import { openModel } from '../../../src/main/files/model-file';
import { GgufArray } from '../../../src/shared/gguf/array';
import { decodeTensor } from '../../../src/shared/gguf/decode-rows';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { QUANT_FORMATS } from '../../../src/shared/quant/registry';
import { differences } from '../../helpers/decoder-suite';
import { ggmlRowDecoder, ggufReader, loadGgmlBase } from '../../helpers/ggml-base';
import { find, fixtureBytes, MemorySource, TENSORS } from '../../helpers/gguf-fixture';
import { ALL_MODELS, modelTable } from '../../helpers/shared-models';

const bind = loadGgmlBase();
const readWithLibrary = bind && ggufReader(bind);
const models = modelTable(ALL_MODELS);
const folder = mkdtempSync(join(tmpdir(), 'quarrel-agreement-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 64-bit integers as koffi gives them: numbers where they are exact. */
function comparable(value: unknown): unknown {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

describe.skipIf(!bind || ALL_MODELS.length === 0)('models beside the checkout, against gguf_init_from_file', () => {
  it.each(models)('%s: same header, metadata and directory', (_, path) => {
    const model = openModel(path);
    const theirs = readWithLibrary?.(path);
    expect(theirs).toBeDefined();
    const { version, alignment, dataOffset, metadata, tensors, findings } = model.gguf;
    expect({ version, alignment, dataOffset }).toEqual({
      version: theirs?.version,
      alignment: theirs?.alignment,
      dataOffset: theirs?.dataOffset,
    });
    expect(
      tensors.map((t) => ({ name: t.name, typeId: t.typeId, offset: t.offset - dataOffset, bytes: t.byteLength })),
    ).toEqual(theirs?.tensors);
    expect(metadata.entries.map((e) => [e.key, e.type])).toEqual(theirs?.entries.map((e) => [e.key, e.type]));
    metadata.entries.forEach(({ value }, i) => {
      const entry = theirs?.entries[i];
      if (!(value instanceof GgufArray)) return expect(comparable(value)).toEqual(comparable(entry?.value));
      expect([value.elementType, value.length]).toEqual([entry?.elementType, entry?.length]);
      const { strings } = entry ?? {};
      // C strings end at a zero byte; tokens may hold one.
      if (strings)
        expect(value.strings().map((s) => s.split('\0')[0])).toEqual(value.strings().map((_s, j) => strings(j)));
    });
    expect(findings).toEqual([]);
    model.dispose();
  });

  it.each(models)('%s: every tensor decodes to equal bits', (_, path) => {
    const model = openModel(path);
    const seen = new Set<string>();
    for (const { name } of model.gguf.tensors) {
      const tensor = model.requireTensor(name);
      const { type, byteLength } = tensor;
      if (QUANT_FORMATS[type].status === 'unsupported') continue;
      seen.add(type);
      const bytes = new Uint8Array(byteLength);
      tensor.copyInto(0, byteLength, bytes, 0);
      const ours = decodeTensor(tensor);
      let theirs = new Float32Array(bytes.buffer, 0, type === 'F32' ? ours.length : 0);
      if (bind && type !== 'F32') {
        theirs = new Float32Array(ours.length);
        ggmlRowDecoder(bind, type)(bytes, theirs);
      }
      expect([name, differences(ours, theirs, true)]).toEqual([name, []]);
    }
    expect(seen.size).toBeGreaterThan(0);
    model.dispose();
  });
});

describe.skipIf(ALL_MODELS.length === 0)('models beside the checkout, against @huggingface/gguf', () => {
  it.each(models)('%s: same directory and metadata', async (_, path) => {
    const theirs = await gguf(path, { allowLocalFile: true });
    const model = openModel(path);
    const { tensors, dataOffset, metadata } = model.gguf;
    expect(
      tensors.map((t) => ({
        name: t.name,
        typeId: t.typeId,
        ne: t.ne.slice(0, t.dims),
        offset: t.offset - dataOffset,
      })),
    ).toEqual(
      theirs.tensorInfos.map((t) => ({
        name: t.name,
        typeId: t.dtype,
        ne: t.shape.map(Number),
        offset: Number(t.offset),
      })),
    );
    const values = theirs.metadata as Record<string, unknown>;
    for (const { key, value } of metadata.entries) {
      if (value instanceof GgufArray) {
        const array = values[key] as unknown[];
        expect([key, value.length]).toEqual([key, array.length]);
        expect(value.slice(0, 50).map(comparable)).toEqual(array.slice(0, 50).map(comparable));
      } else expect([key, comparable(value)]).toEqual([key, comparable(values[key])]);
    }
    model.dispose();
  });
});

describe.skipIf(!bind)('damage, against gguf_init_from_file', () => {
  const dims = (bytes: Uint8Array, name: string): number => find(bytes, name) + name.length;
  const cases: readonly (readonly [string, (bytes: Uint8Array, view: DataView) => void])[] = [
    ['nothing', () => undefined],
    ['magic', (b) => b.set([0], 0)],
    ['version', (_, v) => v.setUint32(4, 4, true)],
    ['duplicate key', (b) => b.set([0x75, 0x38], find(b, 'a.i8') + 2)],
    ['duplicate tensor', (b) => b.set([0x30], find(b, 'blk.1.attn_q') + 4)],
    ['offset', (b, v) => v.setBigUint64(dims(b, 'blk.0.attn_q.weight') + 4 + 16 + 4, 96n, true)],
    ['unknown type', (b, v) => v.setUint32(dims(b, 'token_embd.weight') + 4 + 16, 77, true)],
    ['removed type', (b, v) => v.setUint32(dims(b, 'token_embd.weight') + 4 + 16, 4, true)],
    ['partial block', (b, v) => v.setBigUint64(dims(b, 'blk.0.attn_q.weight') + 4, 65n, true)],
    ['overflow', (b, v) => v.setBigUint64(dims(b, 'token_embd.weight') + 12, 2n ** 62n, true)],
    ['dimensions', (b, v) => v.setUint32(dims(b, 'token_embd.weight'), 5, true)],
    ['value type', (b, v) => v.setUint32(find(b, 'a.u8') + 4, 13, true)],
  ];

  it.each(cases)('%s: an error here is a refusal there, and the reverse', (name, change) => {
    const bytes = fixtureBytes({ tensors: TENSORS });
    change(bytes, new DataView(bytes.buffer));
    const path = join(folder, `${name}.gguf`);
    writeFileSync(path, bytes);
    let accepted = true;
    try {
      accepted = parseGguf(new MemorySource(bytes)).findings.every((f) => f.severity !== 'error');
    } catch {
      accepted = false;
    }
    expect(accepted).toBe(readWithLibrary?.(path) !== undefined);
    expect(accepted).toBe(name === 'nothing');
  });
});
