import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { blockBytes, blockReport } from '../../../src/main/files/block-report';
import { inspectModel } from '../../../src/main/files/inspect-report';
import { openModel } from '../../../src/main/files/model-file';
import { decodeTensor } from '../../../src/shared/gguf/decode-rows';
import { fixtureBytes, tensorData } from '../../helpers/gguf-fixture';

const folder = mkdtempSync(join(tmpdir(), 'quarrel-reports-'));
const path = join(folder, 'model.gguf');
const tensors = [
  { name: 'token_embd.weight', type: 'F32', ne: [3, 5] },
  { name: 'blk.0.attn_q.weight', type: 'Q4_K', ne: [512, 3, 2, 2] },
  { name: 'blk.0.odd.weight', type: 'IQ4_XS', ne: [256] },
] as const;
const bytes = fixtureBytes({ tensors });
writeFileSync(path, bytes);
const model = openModel(path);
afterAll(() => {
  model.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('inspectModel', () => {
  const report = inspectModel(model);

  it('is JSON', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('summarises metadata', () => {
    const entry = (key: string): unknown => report.metadata.find((m) => m.key === key);
    expect(report.architecture).toBe('llama');
    expect(entry('a.u64')).toMatchObject({ type: 'u64', value: '18446744073709551615' });
    expect(entry('a.u8')).toMatchObject({ type: 'u8', elementType: null, length: null, value: 255, clipped: false });
    expect(entry('scores')).toMatchObject({
      type: 'arr',
      elementType: 'f32',
      length: 1000,
      value: [0, 1, 2, 3, 4, 5, 6, 7].map((i) => i / 8),
      clipped: true,
    });
    expect(entry('empty')).toMatchObject({ length: 0, value: [], clipped: false });
  });

  it('lists tensors and totals', () => {
    expect(report.tensors).toMatchObject([
      { name: 'token_embd.weight', type: 'F32', ne: [3, 5], bytes: 60, layer: null, notDecodable: null },
      {
        name: 'blk.0.attn_q.weight',
        type: 'Q4_K',
        ne: [512, 3, 2, 2],
        bytes: 24 * 144,
        layer: 0,
        notDecodable: null,
      },
      { name: 'blk.0.odd.weight', type: 'IQ4_XS', ne: [256], bytes: 136, layer: 0, notDecodable: null },
    ]);
    expect(report.totals).toEqual({
      tensors: 3,
      elements: 15 + 6144 + 256,
      bytes: 60 + 24 * 144 + 136,
      layers: 1,
      byType: [
        { type: 'Q4_K', tensors: 1, elements: 6144, bytes: 24 * 144 },
        { type: 'IQ4_XS', tensors: 1, elements: 256, bytes: 136 },
        { type: 'F32', tensors: 1, elements: 15, bytes: 60 },
      ],
    });
  });
});

describe('blockReport', () => {
  it('places a block and takes it apart', () => {
    // Rows have two blocks; block 15 is the second of row 7 = (i1 1, i2 0, i3 1).
    const report = blockReport(model, 'blk.0.attn_q.weight', 15);
    const tensor = model.requireTensor('blk.0.attn_q.weight');
    expect(report).toMatchObject({
      blocks: 24,
      blockBytes: 144,
      row: 7,
      column: 256,
      coordinates: [256, 1, 0, 1],
      elements: 256,
    });
    const data = tensorData(tensors)[1]?.subarray(15 * 144, 16 * 144);
    expect(report.hex).toBe(Buffer.from(data ?? []).toString('hex'));
    expect(bytes.subarray(report.fileOffset, report.fileOffset + 144)).toEqual(data);
    expect(blockBytes(model, 'blk.0.attn_q.weight', 15)).toEqual(data);
    const values = Array.from(decodeTensor(tensor).subarray(15 * 256, 16 * 256), (x) =>
      Number.isFinite(x) ? x : String(x),
    );
    expect(report.values).toEqual(values);
    expect(report.fields.map((f) => [f.name, f.offset, f.length, f.values.length])).toEqual([
      ['d', 0, 2, 1],
      ['dmin', 2, 2, 1],
      ['scales', 4, 12, 8],
      ['mins', 4, 12, 8],
      ['qs', 16, 128, 256],
    ]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('names the range of a block that is not there', () => {
    const message = 'block 99999 of tensor blk.0.attn_q.weight: it has 24 blocks (0…23)';
    expect(() => blockReport(model, 'blk.0.attn_q.weight', 99_999)).toThrow(message);
    expect(() => blockReport(model, 'blk.0.attn_q.weight', -1)).toThrow('(0…23)');
    expect(() => blockReport(model, 'blk.0.attn_q.weight', 0.5)).toThrow('(0…23)');
    expect(() => blockReport(model, 'blk.0.odd.weight', 1)).toThrow('it has 1 blocks (only 0)');
    expect(() => blockReport(model, 'absent', 0)).toThrow('no tensor absent');
  });
});
